/**
 * A client counts frames by their arrival, and a snapshot is one of them. For a source that is faster than the limit
 * this much is left free, so that jitter on the way and a snapshot can't make an 11th frame in some second.
 */
const MARGIN = 1.12;
/** A source up to the limit is let through as it comes, with some slack between two frames after a hiccup. */
const SLACK = 0.5;
/** Above this many times the limit a source counts as faster than it: over a second, or over half as many frames. */
const FASTER = 1.1;
/** One event merged in a second is a hiccup; with the second one the source is taken to be faster than the limit. */
const MERGES_OF_A_FAST_SOURCE = 2;
/** Of two frames a second apart one may be delayed on its way more than the other. */
const GUARD_MS = 10;
/** How late an event may be sent, in intervals, rather than left to the next one. */
const LATE = 0.4;

/**
 * When a stream may send its next frame: at most `rate` in any second.
 *
 * Spacing all frames by 1/rate would do, but it would also delay a source that publishes at just the limit: each hiccup
 * would be carried along for ever. So a source up to the limit is only counted, over a sliding second; one that is
 * faster is spaced evenly, since its frames would else come in bunches with a stale second between them.
 *
 * The sliding second carries lateness along as well, a frame's to the one a second after it. So an event that would
 * have to wait long for it is left to be merged into the next, which then finds room.
 */
export class Pace {
  readonly #rate: number;
  readonly #interval: number;
  /** Moments of the last `rate` frames, a ring. */
  readonly #sent: Float64Array;
  #next = 0;
  #lastSent = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  #fast = false;
  #arrivals = 0;
  #merges = 0;
  #countingSince = Number.NEGATIVE_INFINITY;

  constructor(rate: number) {
    this.#rate = rate;
    this.#interval = 1000 / rate;
    this.#sent = new Float64Array(rate).fill(Number.NEGATIVE_INFINITY);
  }

  /** The moment from which the next frame may go, ms. */
  get dueAt(): number {
    if (this.#fast) return Math.max(this.#lastSent + this.#evenSpacing(), this.#roomAt);
    return Math.max(this.#lastSent + this.#interval * SLACK, this.#roomAt, this.#notBefore);
  }

  /** Notes an event; `merged` when it took the place of one that was still waiting. */
  arrived(now: number, merged: boolean): void {
    const elapsed = now - this.#countingSince;
    if (elapsed >= 1000) {
      this.#fast &&= (this.#arrivals * 1000) / elapsed > this.#rate * FASTER;
      this.#arrivals = 0;
      this.#merges = 0;
      this.#countingSince = now;
    }
    this.#arrivals += 1;
    if (merged) this.#merges += 1;
    else if (this.#roomAt - now > this.#interval * LATE) this.#notBefore = now + this.#interval;
    this.#fast ||= this.#merges >= MERGES_OF_A_FAST_SOURCE;
  }

  sent(now: number): void {
    const half = Math.ceil(this.#rate / 2);
    const before = this.#sent[(this.#next + this.#rate - half) % this.#rate] ?? 0;
    this.#fast ||= this.#rate > 1 && now - before < (half * this.#interval) / FASTER;
    this.#lastSent = now;
    this.#sent[this.#next] = now;
    this.#next = (this.#next + 1) % this.#rate;
  }

  /** The moment at which the oldest of the last frames is more than a second old. */
  get #roomAt(): number {
    return (this.#sent[this.#next] ?? 0) + (this.#fast ? 1000 * MARGIN : 1000 + GUARD_MS);
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
