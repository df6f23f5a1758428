const LINE_FEED = 0x0a;

/**
 * Follows a server's RESP2 replies and tells where each top-level one ends. The function takes the bytes as they come, cut
 * anywhere, and answers the offsets in these bytes just after the last byte of a reply. It keeps no more than a header line.
 *
 * @throws when the bytes are no RESP2 replies
 */
export function createRespReader(): (bytes: Buffer) => number[] {
  /** How many elements are still to come of each open array, the outermost first. */
  const open: number[] = [];
  let line = '';
  /** Bytes still to come of a bulk string, its line break among them. */
  let bulk = 0;

  /** Takes the header of an element and answers whether that was the whole of it. */
  const readHeader = (header: string): boolean => {
    const kind = header[0];
    if (kind === '+' || kind === '-' || kind === ':') return true;
    const length = Number(header.slice(1));
    if ((kind !== '$' && kind !== '*') || !Number.isInteger(length)) {
      throw new Error(`not a RESP2 reply: ${JSON.stringify(header.slice(0, 80))}`);
    }
    if (kind === '$' && length >= 0) bulk = length + 2;
    else if (kind === '*' && length > 0) open.push(length);
    else return true;
    return false;
  };

  /** Counts a whole element in the arrays around it, and answers whether the reply is whole with it. */
  const endElement = (): boolean => {
    for (let left = open.pop(); left !== undefined; left = open.pop()) {
      if (left === 1) continue;
      open.push(left - 1);
      return false;
    }
    return true;
  };

  return (bytes) => {
    const ends: number[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (bulk > 0) {
        const step = Math.min(bulk, bytes.length - at);
        bulk -= step;
        at += step;
        if (bulk > 0) break;
      } else {
        const feed = bytes.indexOf(LINE_FEED, at);
        const end = feed === -1 ? bytes.length : feed + 1;
        line += bytes.toString('latin1', at, end);
        at = end;
        if (feed === -1) break;
        const header = line.trimEnd();
        line = '';
        if (!readHeader(header)) continue;
      }
      if (endElement()) ends.push(at);
    }
    return ends;
  };
}
