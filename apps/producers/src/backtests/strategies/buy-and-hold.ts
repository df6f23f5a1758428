import type { Strategy } from '../strategy.ts';

/** Everything into the stock at the second day's open, and never out of it: what other strategies must beat. */
export const buyAndHold: Strategy<never> = {
  name: 'buy_and_hold',
  params: {},
  target: () => 1,
};
