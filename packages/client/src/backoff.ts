export interface Backoff {
  /** Upper end of the wait after the first failure, ms; it doubles with each further one. */
  firstMs: number;
  /** Where the doubling stops, ms. */
  maxMs: number;
}

/**
 * The wait before the next attempt, in ms. Full jitter: any time from 0 on, so that the clients of a node that died do not
 * come back together.
 *
 * @param failures how many there were, 1 or more
 */
export function backoffMs(failures: number, { firstMs, maxMs }: Backoff, random: () => number = Math.random): number {
  return random() * Math.min(maxMs, firstMs * 2 ** (failures - 1));
}
