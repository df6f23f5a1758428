import { createRespReader } from './resp-reader.ts';

/** Whether a Pub/Sub message is to be left out. `payload` must not be kept. */
export type PickMessage = (channel: string, payload: Buffer) => boolean;

const MESSAGE = Buffer.from('*3\r\n$7\r\nmessage\r\n');
const NOTHING = Buffer.alloc(0);

/**
 * Leaves single `message` pushes out of what Redis sends on one connection; every other byte passes as it came. The function
 * takes the bytes cut anywhere and answers those that pass now. `pick` may answer another predicate each time, or none: a
 * message is looked at if there was one at its first byte, and is then held until it is whole.
 *
 * @throws when the bytes are no RESP2 replies
 */
export function createMessageFilter(
  pick: () => PickMessage | undefined,
  onDrop: () => void,
): (bytes: Buffer) => Buffer {
  const readReplies = createRespReader();
  /** What is known of the reply that comes next or is on its way. */
  let reply: 'new' | 'undecided' | 'message' | 'other' = 'new';
  let held: Buffer[] = [];

  const release = (): Buffer => {
    const bytes = Buffer.concat(held);
    held = [];
    return bytes;
  };

  const decide = (): typeof reply => {
    const start = Buffer.concat(held).subarray(0, MESSAGE.length);
    if (!start.equals(MESSAGE.subarray(0, start.length))) return 'other';
    return start.length === MESSAGE.length ? 'message' : 'undecided';
  };

  /** Takes bytes of one reply, up to its end or not, and answers what passes. */
  const take = (part: Buffer, isEnd: boolean): Buffer => {
    if (reply === 'new') reply = pick() === undefined ? 'other' : 'undecided';
    held.push(part);
    if (reply === 'undecided') reply = decide();
    if (reply !== 'other' && !isEnd) return NOTHING;
    const passing = release();
    const dropped = reply === 'message' && isPicked(passing, pick());
    if (isEnd) reply = 'new';
    if (!dropped) return passing;
    onDrop();
    return NOTHING;
  };

  return (bytes) => {
    const ends = readReplies(bytes);
    if (pick() === undefined && held.length === 0) {
      reply = ends.at(-1) === bytes.length ? 'new' : 'other';
      return bytes;
    }
    const passing: Buffer[] = [];
    let at = 0;
    for (const end of ends) {
      passing.push(take(bytes.subarray(at, end), true));
      at = end;
    }
    if (at < bytes.length) passing.push(take(bytes.subarray(at), false));
    return Buffer.concat(passing);
  };
}

function isPicked(message: Buffer, pick: PickMessage | undefined): boolean {
  const channel = readBulk(message, MESSAGE.length);
  const payload = channel && readBulk(message, channel.end);
  if (channel === undefined || payload === undefined || pick === undefined) return false;
  return pick(channel.bytes.toString(), payload.bytes);
}

function readBulk(reply: Buffer, at: number): { bytes: Buffer; end: number } | undefined {
  const start = reply.indexOf('\r\n', at) + 2;
  const length = Number(reply.toString('latin1', at + 1, start));
  // An array of another command's answer may begin with the same word.
  if (reply[at] !== 0x24 || length < 0) return undefined;
  return { bytes: reply.subarray(start, start + length), end: start + length + 2 };
}
