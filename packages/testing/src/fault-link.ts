import type { Socket } from 'node:net';

/** How bytes of one direction are held up. What is absent is not limited. */
export interface Shaping {
  /** Milliseconds that every byte takes. */
  latencyMs?: number;
  /** Up to so many milliseconds more, drawn for each read; bytes keep their order. */
  jitterMs?: number;
  /** Bytes a second; what does not fit makes the sender wait, after about 4 MB on Linux: what the kernel's buffers take. */
  bytesPerSecond?: number;
  /** Bytes are written in pieces of 1 to so many, each in a turn of the event loop of its own. */
  maxPieceBytes?: number;
}

/** What is wrong with one direction now. Links read it again when they are told of a change. */
export interface DirectionFaults {
  stalled: boolean;
  swallowing: boolean;
  shaping: Shaping;
}

/** One direction of one connection. */
export interface FaultLink {
  /** To be called after the faults were changed. */
  changed(): void;
  /** Sends bytes that nobody sent, after all that came, under the same faults. */
  inject(bytes: Buffer): void;
  /** Whether something of this direction was swallowed, so that the connection can't be mended. */
  readonly torn: boolean;
}

interface Item {
  what: Buffer | 'end' | 'reset';
  /** Of `performance.now()`, as the shaping was when it came. */
  dueAt: number;
}

/** What a latency may hold up in one link; a delayed link is no faster than this in a round of its delay. */
const MAX_HELD_BYTES = 1 << 20;
/** Under a limited bandwidth bytes are written in portions of this time. */
const PORTION_MS = 20;

/**
 * Passes on what `from` sends, its end and its reset too, under the faults of the moment.
 *
 * @param filter called with all bytes, in order, before they are held up; answers those that are to pass
 * @param random seeded, for jitter and pieces
 */
export function linkSockets(
  from: Socket,
  to: Socket,
  faults: DirectionFaults,
  filter: (bytes: Buffer) => Buffer,
  random: () => number,
): FaultLink {
  let held: Item[] = [];
  let heldBytes = 0;
  let torn = false;
  let writing = false;
  /** Of `performance.now()`: the bandwidth is used up until then. */
  let busyUntil = 0;
  let timer: NodeJS.Timeout | undefined;

  const receive = (what: Item['what']) => {
    if (faults.swallowing) {
      torn = true;
      return;
    }
    const { latencyMs = 0, jitterMs = 0 } = faults.shaping;
    held.push({ what, dueAt: performance.now() + latencyMs + random() * jitterMs });
    if (typeof what !== 'string') heldBytes += what.length;
    advance();
  };

  const advance = () => {
    clearTimeout(timer);
    for (let item = held[0]; item !== undefined && !writing && !faults.stalled; item = held[0]) {
      const waitMs = untilItMayPass(item);
      if (waitMs > 0) {
        timer = setTimeout(advance, waitMs).unref();
        break;
      }
      if (typeof item.what !== 'string') write(item, item.what);
      else {
        held.shift();
        if (item.what === 'end') to.end();
        else to.resetAndDestroy();
      }
    }
    if (!faults.stalled && (faults.swallowing || heldBytes < heldLimit(faults.shaping))) from.resume();
    else from.pause();
  };

  const untilItMayPass = ({ what, dueAt }: Item): number => {
    const { latencyMs = 0, jitterMs = 0, bytesPerSecond } = faults.shaping;
    const due = latencyMs + jitterMs > 0 ? dueAt : 0;
    const free = bytesPerSecond !== undefined && typeof what !== 'string' ? busyUntil : 0;
    return Math.max(due, free) - performance.now();
  };

  const write = (item: Item, bytes: Buffer) => {
    const { bytesPerSecond, maxPieceBytes } = faults.shaping;
    const piece = bytes.subarray(0, pieceLength(bytes.length));
    if (piece.length < bytes.length) item.what = bytes.subarray(piece.length);
    else held.shift();
    heldBytes -= piece.length;
    if (bytesPerSecond !== undefined) {
      busyUntil = Math.max(busyUntil, performance.now() - PORTION_MS) + (piece.length / bytesPerSecond) * 1000;
    }
    writing = true;
    to.write(piece, () => {
      writing = false;
      // Pieces written in one turn would leave as one.
      if (maxPieceBytes === undefined) advance();
      else setImmediate(advance);
    });
  };

  const pieceLength = (available: number): number => {
    const { bytesPerSecond = Infinity, maxPieceBytes } = faults.shaping;
    const portion = Math.max(1, Math.floor((bytesPerSecond * PORTION_MS) / 1000));
    const piece = maxPieceBytes === undefined ? Infinity : 1 + Math.floor(random() * maxPieceBytes);
    return Math.min(available, portion, piece);
  };

  from.on('data', (bytes) => {
    const passing = filter(bytes);
    if (passing.length > 0) receive(passing);
  });
  from.on('end', () => receive('end'));
  // A socket that its peer reset, or that can't be connected.
  from.on('error', () => receive('reset'));
  to.on('close', () => {
    held = [];
    heldBytes = 0;
    clearTimeout(timer);
  });
  advance();

  return {
    changed() {
      busyUntil = 0;
      if (faults.swallowing && held.length > 0) {
        torn = true;
        held = [];
        heldBytes = 0;
      }
      advance();
    },
    inject: receive,
    get torn() {
      return torn;
    },
  };
}

/** What is on its way at any moment: a sender feels the bandwidth and yet can use it. Reads go on once nothing is held. */
function heldLimit({ latencyMs = 0, jitterMs = 0, bytesPerSecond = Infinity }: Shaping): number {
  const delayMs = latencyMs + jitterMs;
  return delayMs === 0 ? 1 : Math.max(1, Math.min(MAX_HELD_BYTES, (bytesPerSecond * delayMs) / 1000));
}
