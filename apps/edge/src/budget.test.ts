import { expect, test } from '@jest/globals';
import { Budget } from './budget.ts';

const RATE = 100;

/** Sends messages at `now` until one is refused, at most `limit`. */
function spendAll(budget: Budget, now: number, limit = 1000): number {
  let spent = 0;
  while (spent < limit && budget.spend(now)) spent += 1;
  return spent;
}

test('of a burst 100 messages pass and the 101st is refused', () => {
  expect(spendAll(new Budget(RATE, 0, 5000), 5000)).toBe(100);
});

test.each([1, 3, 7, 100, 1000, 99_999])('a bucket of %d holds just as many messages', (rate) => {
  expect(spendAll(new Budget(rate, 0, 0), 0, 200_000)).toBe(rate);
});

test('the bucket refills at 100 a second and holds no more than 100', () => {
  const budget = new Budget(RATE, 0, 0);
  spendAll(budget, 0);
  expect(spendAll(budget, 9)).toBe(0);
  expect(spendAll(budget, 10)).toBe(1);
  expect(spendAll(budget, 60)).toBe(5);
  expect(spendAll(budget, 60_000)).toBe(100);
});

test('a steady 100 a second is never refused', () => {
  const budget = new Budget(RATE, 0, 0);
  spendAll(budget, 0);
  for (let now = 10; now < 10_000; now += 10) expect(budget.spend(now)).toBe(true);
});

test('a refused message costs nothing', () => {
  const budget = new Budget(RATE, 0, 0);
  spendAll(budget, 0);
  for (let index = 0; index < 500; index += 1) budget.spend(5);
  expect(budget.spend(10)).toBe(true);
});

test('what is missing goes along to the next holder of the seat, whatever its clock', () => {
  const before = new Budget(RATE, 0, 1000);
  spendAll(before, 1000, 70);
  expect(before.deficitMs(1000)).toBeCloseTo(700);
  expect(before.deficitMs(1200)).toBeCloseTo(500);
  const after = new Budget(RATE, before.deficitMs(1200), 99_000);
  expect(spendAll(after, 99_000)).toBe(50);
});

test('an empty bucket lacks a second, a full one nothing', () => {
  const budget = new Budget(RATE, 0, 0);
  expect(budget.deficitMs(0)).toBe(0);
  spendAll(budget, 0);
  expect(budget.deficitMs(0)).toBe(1000);
  expect(budget.deficitMs(5000)).toBe(0);
});

test('a client that waits as long as it is told is heard again', () => {
  const budget = new Budget(RATE, 0, 0);
  spendAll(budget, 0);
  const wait = budget.retryAfterMs(3);
  expect(wait).toBe(7);
  expect(budget.spend(3 + wait - 1)).toBe(false);
  expect(budget.spend(3 + wait)).toBe(true);
});

/** Sends `perSecond` messages in each of some seconds; tells in which second the flood was noticed, or null. */
function floodNoticed(perSecond: readonly number[]): number | null {
  const budget = new Budget(RATE, 0, 0);
  for (const [second, count] of perSecond.entries()) {
    for (let index = 0; index < count; index += 1) {
      if (budget.isFlooding(1_000_000 + second * 1000 + (index * 1000) / count)) return second;
    }
  }
  return null;
}

test('more than three times the limit for five seconds is a flood', () => {
  expect(floodNoticed([301, 301, 301, 301, 301, 1])).toBe(5);
});

test('just three times the limit is none', () => {
  expect(floodNoticed(Array.from({ length: 20 }, () => 300))).toBeNull();
});

test('a second with less, or with nothing, begins the count anew', () => {
  expect(floodNoticed([400, 400, 400, 400, 300, 400, 400, 400, 400, 10])).toBeNull();
  expect(floodNoticed([400, 400, 400, 0, 400, 400, 10])).toBeNull();
});
