import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { spreadOf, toSpread } from './spreads.ts';

test.each([
  [0.01, 0.001],
  [0.249, 0.001],
  [0.25, 0.005],
  [0.5, 0.01],
  [9.99, 0.01],
  [10, 0.02],
  [20, 0.05],
  [100, 0.1],
  [200, 0.2],
  [500, 0.5],
  [1000, 1],
  [5000, 1],
])('a stock at %d HKD moves in steps of %d', (price, spread) => {
  expect(spreadOf(price)).toBe(spread);
});

test('a price is a whole number of spreads, written without what binary fractions add, and stays where it is', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.0001, max: 9000, noNaN: true }), (value) => {
      const price = toSpread(value);
      expect(price).toBe(Number(price.toFixed(3)));
      expect(Math.abs(price - value)).toBeLessThanOrEqual(Math.max(0.001, spreadOf(value) / 2 + 1e-9));
      expect(toSpread(price)).toBe(price);
    }),
  );
});
