/** The exchange's spread table (HKEX Rules, Second Schedule, as of 2024), as [price below, smallest step in HKD]. */
const SPREADS = [
  [0.25, 0.001],
  [0.5, 0.005],
  [10, 0.01],
  [20, 0.02],
  [100, 0.05],
  [200, 0.1],
  [500, 0.2],
  [1000, 0.5],
] as const;

/** The smallest step of a price in HKD. */
export function spreadOf(price: number): number {
  return SPREADS.find(([below]) => price < below)?.[1] ?? 1;
}

/** The price nearest to `value` at which the exchange would trade, at least one spread. */
export function toSpread(value: number): number {
  const spread = spreadOf(value);
  // Binary fractions add digits that no price has.
  return Number((Math.max(1, Math.round(value / spread)) * spread).toFixed(3));
}
