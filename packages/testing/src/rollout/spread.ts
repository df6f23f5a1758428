/** What lies in the middle, what nearly all stay under, and the worst. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** All 0 without values. */
export function spreadOf(values: Iterable<number>): Spread {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** The most moments within any second, wherever it begins. */
export function mostInASecond(moments: readonly number[]): number {
  const sorted = Float64Array.from(moments).sort();
  let first = 0;
  let most = 0;
  for (const [index, moment] of sorted.entries()) {
    while ((sorted[first] ?? moment) <= moment - 1000) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
