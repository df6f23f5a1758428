import type { Strategy } from '../strategy.ts';

const DAYS = { minimum: 1, maximum: 1000, digits: 0 };

/** In the stock while the mean of the last `fast` closes is above that of the last `slow` ones, else out of it. */
export const maCrossover: Strategy<'fast' | 'slow'> = {
  name: 'ma_crossover',
  params: { fast: { default: 20, ...DAYS }, slow: { default: 50, ...DAYS } },
  conflict: ({ fast, slow }) => (fast < slow ? null : `fast (${fast}) must be less than slow (${slow})`),
  target(past, { fast, slow }) {
    const fastAverage = past.averageClose(fast);
    const slowAverage = past.averageClose(slow);
    return fastAverage !== null && slowAverage !== null && fastAverage > slowAverage ? 1 : 0;
  },
};
