import type { Traffic } from './reach.ts';

/**
 * How events of conflated streams leave this node: each in the turn of the loop in which it came, or together with others.
 *
 * What a delivery costs is the write to its socket, 7 to 9 µs however many frames it carries up to 16 KiB; a frame more in a
 * write costs 0.4 µs. So when clients get many frames a second, those of a short window go out in one turn, which the engine
 * writes as one. A client that gets 100 a second then costs 18 writes, not 100.
 *
 * Nothing is to be had from knowing a quote before its window ends, so those of one window are read from Redis together too, just
 * before they leave (`FlushSchedule.rest`; over TLS they are read as they come): to wake up for each cost a node of 250 clients a
 * third of its time.
 *
 * A window delays, so it is open only where it pays (the sockets that a window's events reach get two or more of them) and
 * where it is needed (so many deliveries a second that their writes take much of a core). It is judged anew with every
 * window, by what was delivered in the last one. A quiet symbol that all clients watch gains nothing from it and is never
 * held back; nor are alerts, agents and backtests, whose events don't come here.
 *
 * A node that can't write in time what a window has collected takes fewer events of each stream into a window, and merges the
 * others: a late quote is worse than none. It takes a third less each time it was late, one more with each second it was not.
 *
 * All windows end on one grid, of which the spacing of a stream that is faster than its limit is a multiple: such streams
 * are sent at a limited rate anyway, so to align them costs no delay at all.
 */

/** The longest window, ms: an event waits for half of it, and p99 has to stay below 100 ms with the writes themselves. */
const LONGEST_MS = 56;
/** Deliveries a second from which on windows pay, and from which on the longest does: a tenth and a fifth of a core. */
const BUSY = 10_000;
const VERY_BUSY = 20_000;
/** Frames for each socket in one window: below, most writes would carry one all the same. */
const SHARED = 1.5;
/** So many windows in a row must not have paid before it is shut, so that the edge of the load does not make it flap. */
const PATIENCE = 4;
/**
 * With so many for each, a write costs little beside what it carries. Where the longest window gathers twice as many or more, a half,
 * a quarter or an eighth of it will do: what it writes is sooner written, and clients read meanwhile what the one before brought.
 */
const PLENTY = 20;
const SHORTEST_PART = 1 / 8;
/** No longer than this may a window and the writing of its frames take together: what comes meanwhile waits for both. */
const IN_TIME_MS = 90;
/** So many windows in a row that were not in time are more than a hiccup. */
const HICCUPS = 3;
/** So much of what was too much is tried next; and for so long it is not exceeded. */
const LESS = 2 / 3;
const RELIEF_MS = 1000;
/**
 * What is spaced counts from when it left, which may be after its window ended; such a part of its spacing a frame may go
 * early: else a window that ends late would cost it the next one. The limit itself keeps more in reserve.
 */
const EARLY_SPACED = 1 / 3;
/** Ends of windows are floats. */
const ROUNDING_MS = 0.01;

export class WriteWindow {
  readonly #longest: number;
  /** On which streams that are faster than their limit meet. */
  readonly #meeting: number;
  readonly #earlySpacedMs: number;
  readonly #takeTraffic: () => Traffic;
  #ms = 0;
  #judgedAt = Number.NEGATIVE_INFINITY;
  #poor = 0;
  #lateInRow = 0;
  /** Events of one stream that a window takes. */
  #room = Number.POSITIVE_INFINITY;
  #roomyAt = Number.POSITIVE_INFINITY;
  /** The most that one of them has had since that changed. */
  #most = 1;

  /**
   * @param spacing between two frames of a stream that is faster than its limit, ms
   * @param takeTraffic what of conflated streams was delivered since it was last called
   */
  constructor(spacing: number, takeTraffic: () => Traffic) {
    this.#takeTraffic = takeTraffic;
    this.#earlySpacedMs = Math.min(IN_TIME_MS - LONGEST_MS, spacing * EARLY_SPACED);
    // Whole windows in a spacing, or whole spacings in a window.
    const windows = Math.ceil(spacing / LONGEST_MS - ROUNDING_MS);
    const spacings = Math.floor(LONGEST_MS / spacing + ROUNDING_MS);
    this.#longest = spacings > 0 ? spacing * spacings : spacing / windows;
    this.#meeting = this.#longest * ([2, 3].find((count) => windows % count === 0) ?? 1);
  }

  /** Length of the window, ms; 0 while every event leaves as it comes. */
  get ms(): number {
    return this.#ms;
  }

  /** When an event that comes now leaves, unless its stream has to wait for longer. */
  endOf(now: number): number {
    return this.#ms === 0 ? now : (Math.floor((now + ROUNDING_MS) / this.#ms) + 1) * this.#ms;
  }

  /** The end of the last window: the moment that counts as now for what leaves then. */
  lastEnd(now: number): number {
    return this.#ms === 0 ? now : Math.floor((now + ROUNDING_MS) / this.#ms) * this.#ms;
  }

  /** When a stream that is due then is sent: with the others. @param isSpaced it is faster than its limit */
  align(dueAt: number, isSpaced: boolean): number {
    if (this.#ms === 0) return dueAt;
    const grid = isSpaced ? this.#meeting : this.#ms;
    return Math.ceil((dueAt - this.toleranceFor(isSpaced)) / grid) * grid;
  }

  /** How much before it is due a frame may leave at the end of a window, ms. @param isSpaced its stream is faster than its limit */
  toleranceFor(isSpaced: boolean): number {
    if (this.#ms === 0) return 0;
    return isSpaced ? this.#earlySpacedMs : ROUNDING_MS;
  }

  /** To be told how long after the end of a window its frames were written. */
  wrote(now: number, ms: number): void {
    this.#lateInRow = this.#ms > 0 && ms > IN_TIME_MS - this.#ms ? this.#lateInRow + 1 : 0;
    if (this.#lateInRow >= HICCUPS)
      this.#setRoom(Math.max(1, Math.floor(Math.min(this.#room, this.#most) * LESS)), now);
    // Where no stream had as many events as there was room for, it was not for want of room.
    else if (now >= this.#roomyAt)
      this.#setRoom(this.#most < this.#room ? Number.POSITIVE_INFINITY : this.#room + 1, now);
  }

  /** Whether an event may leave with so many others of its stream. */
  hasRoom(beside: number): boolean {
    if (this.#ms > 0 && beside >= this.#room) return false;
    this.#most = Math.max(this.#most, beside + 1);
    return true;
  }

  #setRoom(room: number, now: number): void {
    this.#room = room;
    this.#roomyAt = room === Number.POSITIVE_INFINITY ? room : now + RELIEF_MS;
    this.#lateInRow = 0;
    this.#most = 1;
  }

  /** To be called when an event came or a window ended, and before its length is told to others. */
  judge(now: number): void {
    const elapsed = now - this.#judgedAt;
    // Ends of windows are a little late, now more, now less.
    if (elapsed < (this.#ms || LONGEST_MS) * 0.9) return;
    this.#judgedAt = now;
    const { frames, sockets } = this.#takeTraffic();
    const wanted = this.#wanted((frames * 1000) / elapsed, frames / Math.max(1, sockets), elapsed);
    if (wanted >= this.#ms) {
      this.#poor = 0;
      this.#ms = wanted;
    } else if (++this.#poor >= PATIENCE || elapsed > PATIENCE * LONGEST_MS) {
      this.#poor = 0;
      this.#ms = wanted;
    }
  }

  #wanted(deliveriesPerSecond: number, framesEach: number, elapsed: number): number {
    const framesInLongest = (framesEach * this.#longest) / elapsed;
    if (deliveriesPerSecond < BUSY || framesInLongest < SHARED) return 0;
    if (deliveriesPerSecond < VERY_BUSY) return this.#longest / 2;
    const part = 2 ** -Math.max(0, Math.floor(Math.log2(framesInLongest / PLENTY)));
    return this.#longest * Math.max(SHORTEST_PART, part);
  }
}
