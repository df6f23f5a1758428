/**
 * A client counts frames by their arrival, and a snapshot is one of them. For a source that is faster than the limit
 * this much is left free, so that jitter on the way and a snapshot can't make an 11th frame in some second.
 */
const MARGIN = 10 / 9;
/** A source up to the limit is let through as it comes, with some slack between two frames after a hiccup. */
const SLACK = 0.5;
/** Above this many times the limit a source counts as faster than it: over a second, or over half as many frames. */
const FASTER = 1.1;
/** One event merged in a second is a hiccup; with the second one the source is taken to be faster than the limit. */
const MERGES_OF_A_FAST_SOURCE = 2;
/** Events that come within this time tell nothing of how fast their source is: they may have waited for one another. */
const BUNCH_MS = 100;
/** Of two frames a second apart one may be delayed on its way more than the other: what had to wait for room keeps clear of it. */
const GUARD_MS = 10;
/** Timers count in whole milliseconds: what there is room for within one goes now, and counts as sent when there was. */
const TICK_MS = 1;
/** How late an event may be sent, in intervals, rather than left to the next one; at the end of a window, beyond that. */
const LATE = 0.3;
const LATE_AFTER_WINDOW = 0.2;
/** How long the next event is waited for, in intervals; while windows are open, for just one. */
const NEXT_WITHIN = 1.2;
/** So late a frame may be each time, ms: by that a source at just the limit jitters. */
const SLIGHTLY_LATE_MS = 2;
/** What is later than that has to become less with each second, by so many intervals. */
const CATCHING_UP = 0.05;

/**
 * When a stream may send its next frame: at most `rate` in any second.
 *
 * Spacing all frames by 1/rate would do, but it would also delay a source that publishes at just the limit: each hiccup
 * would be carried along for ever. So a source up to the limit is only counted, over a sliding second; one that is
 * faster is spaced evenly, since its frames would else come in bunches with a stale second between them.
 *
 * The sliding second carries lateness along as well, a frame's to the one a second after it. So an event that would
 * have to wait long for it, or as long as the one a second before, is left to be merged into the next, which then finds room.
 */
export class Pace {
  readonly #rate: number;
  readonly #interval: number;
  /** Moments of the last `rate` frames, a ring. */
  readonly #sent: Float64Array;
  /** How long each of them had waited for room. */
  readonly #waited: Float64Array;
  #next = 0;
  #lastSent = Number.NEGATIVE_INFINITY;
  /** When it was decided that the last frame goes; it may have left later, with others. */
  #lastDecided = Number.NEGATIVE_INFINITY;
  /** When the event came that goes next. */
  #cameAt = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  #guardMs = 0;
  #windowMs = 0;
  #fast = false;
  #arrivals = 0;
  #merges = 0;
  #countingSince = Number.NEGATIVE_INFINITY;

  constructor(rate: number) {
    this.#rate = rate;
    this.#interval = 1000 / rate;
    this.#sent = new Float64Array(rate).fill(Number.NEGATIVE_INFINITY);
    this.#waited = new Float64Array(rate);
  }

  /** Whether the source is faster than the limit: its frames are spaced evenly. */
  get isFast(): boolean {
    return this.#fast;
  }

  /** Between the frames of a source that is faster than the limit, ms. */
  static spacingAt(rate: number): number {
    return (1000 * MARGIN) / rate;
  }

  /** The moment from which the next frame may go, ms. */
  get dueAt(): number {
    if (this.#fast) return this.#leavesAfter;
    return Math.max(this.#lastDecided + this.#interval * SLACK, this.#leavesAfter);
  }

  /**
   * Whether a frame that has come now may leave at that moment, which may be later: at the end of a window.
   * @param beside frames that leave with it: of those of one window it isn't known how far apart they came
   */
  mayLeave(now: number, at: number, beside = 0): boolean {
    const apart = this.#interval * SLACK;
    const isSpaced =
      this.#fast || now >= this.#lastDecided + apart || (beside > 0 && (beside + 1) * apart <= this.#windowMs);
    return isSpaced && at >= this.#leavesAfter;
  }

  /**
   * Notes an event; `merged` when it took the place of one that was still waiting.
   * @param windowMs how long events are collected for now
   */
  arrived(now: number, merged: boolean, windowMs: number): void {
    this.#windowMs = windowMs;
    const elapsed = now - this.#countingSince;
    if (elapsed >= 1000) {
      this.#fast &&= (this.#arrivals * 1000) / elapsed > this.#rate * FASTER;
      this.#arrivals = 0;
      this.#merges = 0;
      this.#countingSince = now;
    }
    this.#arrivals += 1;
    if (merged) {
      this.#merges += 1;
      this.#notBefore = Number.NEGATIVE_INFINITY;
    } else this.#expect(now);
    const isFaster = (this.#arrivals * 1000) / Math.max(now - this.#countingSince, BUNCH_MS) > this.#rate * FASTER;
    this.#fast ||= isFaster && this.#merges >= MERGES_OF_A_FAST_SOURCE;
  }

  /** An event that would have to wait too long for room is to be merged into the next. */
  #expect(now: number): void {
    // Of a frame and a raw one the other waits already.
    if (now < this.#notBefore) return;
    this.#cameAt = now;
    if (this.#roomAt - now <= this.#mostLate()) return;
    this.#guardMs = GUARD_MS;
    this.#notBefore = now + this.#interval * (this.#windowMs > 0 ? 1 : NEXT_WITHIN);
  }

  #mostLate(): number {
    if (this.#windowMs > 0) return this.#windowMs + this.#interval * LATE_AFTER_WINDOW;
    const most = this.#interval * LATE;
    const before = this.#waited[this.#next] ?? 0;
    if (before <= SLIGHTLY_LATE_MS) return most;
    return Math.min(most, Math.max(SLIGHTLY_LATE_MS, before - this.#interval * CATCHING_UP));
  }

  /** Notes a frame. @param at when it leaves @param now when that was decided */
  sent(at: number, now = at): void {
    const half = Math.ceil(this.#rate / 2);
    const before = this.#sent[(this.#next + this.#rate - half) % this.#rate] ?? 0;
    // Ends of windows tell too little of when events came.
    if (this.#windowMs === 0) this.#fast ||= this.#rate > 1 && now - before < (half * this.#interval) / FASTER;
    this.#lastDecided = now;
    this.#lastSent = at;
    this.#sent[this.#next] = this.#fast ? at : Math.max(at, this.#roomAt);
    this.#waited[this.#next] = now - this.#cameAt;
    this.#guardMs = 0;
    this.#next = (this.#next + 1) % this.#rate;
  }

  /** What was to leave at that moment has left only now. */
  postponed(at: number, now: number): void {
    this.#lastSent = now;
    for (const [index, sent] of this.#sent.entries()) if (sent >= at) this.#sent[index] = Math.max(sent, now);
  }

  /** The moment before which nothing may leave, however long ago the last frame was decided on. */
  get #leavesAfter(): number {
    if (this.#fast) return Math.max(this.#lastSent + this.#evenSpacing(), this.#roomAt);
    return Math.max(this.#roomAt + this.#guardMs - TICK_MS, this.#notBefore);
  }

  /** The moment at which the oldest of the last frames is more than a second old. */
  get #roomAt(): number {
    return (this.#sent[this.#next] ?? 0) + (this.#fast ? 1000 * MARGIN : 1000);
  }

  /** Spreads the frames for which there is still room over the time until there is more. */
  #evenSpacing(): number {
    let oldest = this.#lastSent;
    let recent = 0;
    for (const at of this.#sent) {
      if (this.#lastSent - at >= 1000 * MARGIN) continue;
      recent += 1;
      oldest = Math.min(oldest, at);
    }
    const untilMore = oldest + 1000 * MARGIN - this.#lastSent;
    return Math.max(this.#interval * MARGIN, untilMore / (this.#rate - recent + 1));
  }
}
