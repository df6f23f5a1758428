import { expect, test } from '@jest/globals';
import { backoffMs } from './backoff.ts';

const DEFAULTS = { firstMs: 500, maxMs: 20_000 };

test('the longest wait doubles with every failure, up to its end, also after very many', () => {
  const longest = [1, 2, 3, 4, 5, 6, 7, 1000, 5000].map((failures) => backoffMs(failures, DEFAULTS, () => 1));
  expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000]);
});

test('a wait may be as short as nothing', () => {
  expect(backoffMs(9, DEFAULTS, () => 0)).toBe(0);
});

test('waits are drawn evenly between nothing and the longest', () => {
  const waits = Array.from({ length: 4000 }, () => backoffMs(2, DEFAULTS));
  const quarters = [0, 250, 500, 750].map((from) => waits.filter((ms) => ms >= from && ms < from + 250).length);
  expect(quarters.every((count) => count > 800 && count < 1200)).toBe(true);
});
