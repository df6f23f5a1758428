/**
 * A client counts frames by their arrival, and a snapshot is one of them. For a source that is faster than the limit
 * this much is left free, so that jitter on the way and a snapshot can't make an 11th frame in some second.
 */
const MARGIN = 1.12;
/** A source at the limit itself is let through as it comes, with some slack between two frames after a hiccup. */
const SLACK = 0.5;
/** How late a frame may leave and still count as sent when it was due: what a timer is late, not a stalled process. */
const TIMER_LATENESS_MS = 6;
/** Above this many times the limit a source counts as faster than it. */
const FASTER = 1.1;

/**
 * When a stream may send its next frame: at most `rate` in any second.
 *
 * Spacing all frames by 1/rate would do, but it would also delay a source that publishes at just the limit: each hiccup
 * would be carried along for ever. So a source up to the limit is only counted, over a sliding second; one that is
 * faster is spaced evenly, since its frames would else come in bunches with a stale second between them.
 */
export class Pace {
  readonly #rate: number;
  /** Moments of the last `rate` frames, a ring. */
  readonly #sent: Float64Array;
  #next = 0;
  #lastSent = Number.NEGATIVE_INFINITY;
  #fast = false;
  #arrivals = 0;
  #countingSince = Number.NEGATIVE_INFINITY;

  constructor(rate: number) {
    this.#rate = rate;
    this.#sent = new Float64Array(rate).fill(Number.NEGATIVE_INFINITY);
  }

  /** The moment from which the next frame may go, ms. */
  get dueAt(): number {
    const interval = 1000 / this.#rate;
    const spacing = interval * (this.#fast ? MARGIN : SLACK);
    const window = 1000 * (this.#fast ? MARGIN : 1);
    return Math.max(this.#lastSent + spacing, (this.#sent[this.#next] ?? 0) + window);
  }

  /** Notes an event; `merged` when it took the place of one that was still waiting. */
  arrived(now: number, merged: boolean): void {
    const elapsed = now - this.#countingSince;
    if (elapsed >= 1000) {
      this.#fast &&= (this.#arrivals * 1000) / elapsed > this.#rate * FASTER;
      this.#arrivals = 0;
      this.#countingSince = now;
    }
    this.#arrivals += 1;
    this.#fast ||= merged;
  }

  /**
   * Notes a frame that left. One that had waited counts from when it was due: its timer's lateness, carried along, would
   * add up until a source at the limit was slowed down.
   */
  sent(now: number, waited: boolean): void {
    const at = waited ? Math.max(this.dueAt, now - TIMER_LATENESS_MS) : now;
    this.#lastSent = at;
    this.#sent[this.#next] = at;
    this.#next = (this.#next + 1) % this.#rate;
  }
}
