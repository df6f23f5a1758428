interface Point {
  at: number;
  price: number;
}

/** More than any market moves, and little enough to be rounded: Infinity would not be told. */
const MOST_PERCENT = 1e12;

/** The prices of one symbol over a window of time, all above 0, as far as they can still matter. */
export class PriceWindow {
  readonly #lengthMs: number;
  /** Falling, each the highest since its time; and rising, each the lowest. The first is that of the whole window. */
  readonly #highs: Point[] = [];
  readonly #lows: Point[] = [];

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  add(point: Point): void {
    this.#forget(point.at);
    while ((this.#highs.at(-1)?.price ?? Infinity) <= point.price) this.#highs.pop();
    this.#highs.push(point);
    while ((this.#lows.at(-1)?.price ?? -Infinity) >= point.price) this.#lows.pop();
    this.#lows.push(point);
  }

  /**
   * The largest move from any price in the window that ends now to the newest one, in percent: below 0 when it fell. A
   * price holds until the next one: of a symbol that has fallen silent it is 0.
   *
   * @returns null when there was no price yet
   */
  largestMove(now: number): number | null {
    const newest = this.#highs.at(-1);
    if (newest === undefined) return null;
    if (now - newest.at > this.#lengthMs) return 0;
    this.#forget(now);
    const rise = percentFrom(this.#lows[0], newest);
    const fall = percentFrom(this.#highs[0], newest);
    return rise >= -fall ? rise : fall;
  }

  #forget(now: number): void {
    const horizon = now - this.#lengthMs;
    for (const points of [this.#highs, this.#lows]) {
      const kept = points.findIndex(({ at }) => at >= horizon);
      points.splice(0, kept === -1 ? points.length : kept);
    }
  }
}

function percentFrom(from: Point | undefined, to: Point): number {
  return from === undefined ? 0 : Math.min(((to.price - from.price) / from.price) * 100, MOST_PERCENT);
}
