import { expect, test } from '@jest/globals';
import { seededRandom } from './mod.ts';

test('a seed gives the same numbers each time, and another seed others', () => {
  const row = (seed: number) => Array.from({ length: 5 }, seededRandom(seed));
  expect(row(7)).toEqual(row(7));
  expect(row(7)).not.toEqual(row(8));
});

test('the numbers are spread evenly over [0, 1)', () => {
  const random = seededRandom(1);
  const tenths = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 10_000; i++) {
    const number = random();
    expect(number >= 0 && number < 1).toBe(true);
    const tenth = Math.floor(number * 10);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  expect(tenths.every((count) => count > 900 && count < 1100)).toBe(true);
});
