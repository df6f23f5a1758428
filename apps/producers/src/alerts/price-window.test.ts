import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { PriceWindow } from './price-window.ts';

const rounded = (value: number | null) => value && Number(value.toFixed(9));

test('without a price there is no move; the last one holds, and a symbol that has fallen silent moves no more', () => {
  const window = new PriceWindow(1000);
  expect(window.largestMove(0)).toBeNull();
  window.add({ at: 0, price: 100 });
  window.add({ at: 1, price: 120 });
  expect(window.largestMove(1000)).toBeCloseTo(20, 10);
  expect(window.largestMove(1001)).toBe(0);
  expect(window.largestMove(5000)).toBe(0);
  // From before a silence to after it is no move within the window.
  window.add({ at: 6000, price: 240 });
  expect(window.largestMove(6000)).toBe(0);
});

test('the larger of rise and fall counts, from any price in the window to the newest', () => {
  const window = new PriceWindow(1000);
  for (const [at, price] of [
    [0, 100],
    [100, 120],
    [200, 108],
  ] as const)
    window.add({ at, price });
  expect(window.largestMove(200)).toBeCloseTo(-10, 10);
  window.add({ at: 300, price: 115 });
  expect(window.largestMove(300)).toBeCloseTo(15, 10);
  // The 100 has left the window.
  expect(window.largestMove(1050)).toBeCloseTo((115 / 108 - 1) * 100, 10);
});

test('it says what a search through all prices of the window says', () => {
  const steps = fc.array(
    fc.record({ after: fc.integer({ min: 0, max: 400 }), price: fc.integer({ min: 1, max: 30 }) }),
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 1500 }), (trace, wait) => {
      const window = new PriceWindow(1000);
      const all: Array<{ at: number; price: number }> = [];
      let now = 0;
      for (const { after, price } of trace) {
        now += after;
        all.push({ at: now, price });
        window.add({ at: now, price });
      }
      now += wait;
      const within = all.filter(({ at }) => at >= now - 1000);
      const last = within.at(-1)?.price;
      const moves = within.map(({ price: from }) => Math.abs((last ?? Number.NaN) - from) / from);
      const size = last === undefined ? (all.length === 0 ? null : 0) : Math.max(...moves) * 100;
      const move = window.largestMove(now);
      expect(rounded(move && Math.abs(move))).toBe(rounded(size));
    }),
  );
});
