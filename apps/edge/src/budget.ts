const FULL_AFTER_MS = 1000;
const FLOOD_FACTOR = 3;
const FLOOD_SECONDS = 5;

/**
 * A seat's message budget: a bucket of `rate` messages refilled at `rate` a second.
 *
 * Such a bucket is one number, the moment at which it will be full again; what is missing is a time between 0 and
 * 1000 ms. That time, the deficit, is what travels with the seat: it needs no common clock.
 */
export class Budget {
  readonly #costMs: number;
  readonly #floodLimit: number;
  #fullAt: number;
  #secondStart = Number.NEGATIVE_INFINITY;
  #inSecond = 0;
  #floodedSeconds = 0;

  constructor(rate: number, deficitMs: number, now: number) {
    this.#costMs = FULL_AFTER_MS / rate;
    this.#floodLimit = rate * FLOOD_FACTOR;
    this.#fullAt = now + deficitMs;
  }

  /** Milliseconds until the bucket is full, 0 to 1000. */
  deficitMs(now: number): number {
    return Math.min(FULL_AFTER_MS, Math.max(0, this.#fullAt - now));
  }

  /** Takes one message out of the bucket; false when there is none left. */
  spend(now: number): boolean {
    const after = Math.max(now, this.#fullAt) + this.#costMs;
    if (after - now > FULL_AFTER_MS + 1e-6) return false;
    this.#fullAt = after;
    return true;
  }

  /** Milliseconds until the bucket holds a message again. */
  retryAfterMs(now: number): number {
    return Math.max(1, Math.ceil(this.deficitMs(now) + this.#costMs - FULL_AFTER_MS));
  }

  /**
   * Counts a message, accepted or not; true once more than 3x the rate came in each of 5 seconds in a row. The first of
   * them begins with a message, so that no part of a second passes for a whole one.
   */
  isFlooding(now: number): boolean {
    if (now - this.#secondStart >= 1000) {
      const flooded = now - this.#secondStart < 2000 && this.#inSecond > this.#floodLimit;
      this.#floodedSeconds = flooded ? this.#floodedSeconds + 1 : 0;
      this.#secondStart = flooded ? this.#secondStart + 1000 : now;
      this.#inSecond = 0;
    }
    this.#inSecond += 1;
    return this.#floodedSeconds >= FLOOD_SECONDS;
  }
}
