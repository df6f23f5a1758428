/** How each message of a Pub/Sub channel begins (RESP 2): an array of three, its first item, and the length of the second. */
const MESSAGE = Buffer.from('*3\r\n$7\r\nmessage\r\n$');
const [CR, ZERO, NINE, MINUS] = [0x0d, 0x30, 0x39, 0x2d];
const [PLUS, COLON, DOLLAR, ASTERISK] = [0x2b, 0x3a, 0x24, 0x2a];
const NOTHING = Buffer.alloc(0);
const SHOWN_BYTES = 40;

export type OnMessage = (channel: string, message: Buffer) => void;

/** What Redis sent is no RESP 2. Where its next reply begins is not known any more, so the connection is of no use. */
export class UnreadableReplyError extends Error {
  override readonly name = 'UnreadableReplyError';
  readonly code = 'unreadable_reply';

  constructor(data: Buffer, at: number) {
    super(`Redis sent what is no reply of RESP 2: ${JSON.stringify(data.toString('latin1', at, at + SHOWN_BYTES))}`);
  }
}

/**
 * Takes the messages of Pub/Sub channels out of what Redis sends, and returns the rest: whole replies, for the client that
 * reads everything else.
 *
 * Thousands of messages a second are one shape. The client's decoder is made for every shape there is, and took half the time
 * of a node whose sources were faster than their limit; to read this one takes a tenth of that.
 */
export class MessageReader {
  readonly #onMessage: OnMessage;
  /** The beginning of a reply that has not come whole. */
  #kept: Buffer[] = [];
  #keptBytes = 0;
  /** How many bytes there must be before it is worth looking at again. */
  #needed = 0;

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage;
  }

  /**
   * @param chunk may be written over afterwards
   * @returns a copy of all that were no messages, perhaps nothing
   * @throws UnreadableReplyError after the messages before what can't be read; nothing may be read after it
   */
  read(chunk: Buffer): Buffer {
    const data = this.#withKept(chunk);
    if (!data) return NOTHING;
    const others: Buffer[] = [];
    let at = 0;
    while (at < data.length) {
      const end = this.#readOne(data, at, others);
      if (end === null) break;
      at = end;
    }
    if (at < data.length) {
      this.#kept = [Buffer.from(data.subarray(at))];
      this.#keptBytes = data.length - at;
    }
    return others.length === 0 ? NOTHING : Buffer.concat(others);
  }

  #withKept(chunk: Buffer): Buffer | null {
    if (this.#keptBytes === 0) return chunk;
    this.#kept.push(Buffer.from(chunk));
    this.#keptBytes += chunk.length;
    if (this.#keptBytes < this.#needed) return null;
    const data = Buffer.concat(this.#kept, this.#keptBytes);
    this.#kept = [];
    this.#keptBytes = 0;
    return data;
  }

  /** @returns where it ends; null when it has not come whole */
  #readOne(data: Buffer, at: number, others: Buffer[]): number | null {
    if (!isMessage(data, at)) {
      const end = endOfReply(data, at);
      if (end === null) this.#needed = 0;
      else others.push(data.subarray(at, end));
      return end;
    }
    const channel = bulkAt(data, at + MESSAGE.length - 1);
    const message = channel && bulkAt(data, channel.end + 2);
    this.#needed = ((message ?? channel)?.end ?? 0) + 2 - at;
    if (!channel || !message || message.end + 2 > data.length) return null;
    const bytes = Buffer.allocUnsafe(message.end - message.start);
    data.copy(bytes, 0, message.start, message.end);
    this.#onMessage(data.toString('utf8', channel.start, channel.end), bytes);
    return message.end + 2;
  }
}

function isMessage(data: Buffer, at: number): boolean {
  for (let index = 0; index < MESSAGE.length; index += 1) if (data[at + index] !== MESSAGE[index]) return false;
  return true;
}

/** Where a bulk string lies that begins at its `$`; null when its length has not come whole. */
function bulkAt(data: Buffer, at: number): { start: number; end: number } | null {
  if (at < data.length && data[at] !== DOLLAR) throw new UnreadableReplyError(data, at);
  const line = numberAt(data, at + 1);
  return line && { start: line.end, end: line.end + line.value };
}

/** The number of a line, and where the next one begins. */
function numberAt(data: Buffer, start: number): { value: number; end: number } | null {
  const sign = data[start] === MINUS ? -1 : 1;
  let value = 0;
  for (let at = sign < 0 ? start + 1 : start; at + 1 < data.length; at += 1) {
    const byte = data[at] ?? 0;
    if (byte === CR) return { value: sign * value, end: at + 2 };
    if (byte < ZERO || byte > NINE) throw new UnreadableReplyError(data, start);
    value = value * 10 + byte - ZERO;
  }
  return null;
}

/** Where a reply of any shape ends (RESP 2); null when it has not come whole. */
function endOfReply(data: Buffer, start: number): number | null {
  let at = start;
  for (let left = 1; left > 0; left -= 1) {
    const type = data[at];
    if (type === undefined) return null;
    if (type === DOLLAR || type === ASTERISK) {
      const line = numberAt(data, at + 1);
      if (!line) return null;
      // A negative length stands for nothing at all.
      at = line.end + (type === DOLLAR && line.value >= 0 ? line.value + 2 : 0);
      if (type === ASTERISK) left += Math.max(0, line.value);
    } else if (type === PLUS || type === MINUS || type === COLON) {
      const end = data.indexOf('\r\n', at);
      if (end === -1) return null;
      at = end + 2;
    } else throw new UnreadableReplyError(data, at);
    if (at > data.length) return null;
  }
  return at;
}
