/**
 * The moments of an open loop: event n (from 0) is due n / perSecond seconds after the start, whatever became of the ones
 * before it. A publisher that was held up therefore sends what it owes, and its lateness is known.
 */
export class Pace {
  readonly #startedAt: number;
  readonly #perSecond: number;

  /** @param perSecond Infinity: all are due at the start */
  constructor(startedAt: number, perSecond: number) {
    this.#startedAt = startedAt;
    this.#perSecond = perSecond;
  }

  /** When event n is due, in seconds of the clock that `startedAt` is of. */
  moment(n: number): number {
    return this.#startedAt + n / this.#perSecond;
  }

  /** How many events are due by then. */
  dueBy(now: number): number {
    if (now < this.#startedAt) return 0;
    return this.#perSecond === Infinity ? Infinity : Math.floor((now - this.#startedAt) * this.#perSecond) + 1;
  }
}
