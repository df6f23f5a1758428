import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { TimerWheel } from './timer-wheel.ts';

interface Item {
  name: string;
}

let stalledMs = 0;
let due: Array<[name: string, at: number]> = [];
let wheel: TimerWheel<Item>;

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
  stalledMs = 0;
  due = [];
  const clock = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => clock() + stalledMs);
  wheel = new TimerWheel(({ name }) => due.push([name, Math.round(wheel.now())]));
  wheel.start();
});
afterEach(() => {
  wheel.stop();
  jest.restoreAllMocks();
  jest.useRealTimers();
});

test.each([1000, 2500, 3000])('an item is looked at once, within a turn of its time of %d ms', (delayMs) => {
  jest.advanceTimersByTime(300);
  const scheduledAt = wheel.now();
  wheel.schedule({ name: 'a' }, delayMs);
  jest.advanceTimersByTime(10_000);
  expect(due).toHaveLength(1);
  const waited = (due[0]?.[1] ?? 0) - scheduledAt;
  expect(Math.abs(waited - delayMs)).toBeLessThanOrEqual(1000);
});

test('a new appointment replaces the earlier one', () => {
  const item = { name: 'a' };
  wheel.schedule(item, 1000);
  wheel.schedule(item, 5000);
  jest.advanceTimersByTime(4000);
  expect(due).toEqual([]);
  jest.advanceTimersByTime(4000);
  expect(due).toHaveLength(1);
});

test('a removed item is not looked at', () => {
  const item = { name: 'a' };
  wheel.schedule(item, 1000);
  wheel.remove(item);
  jest.advanceTimersByTime(5000);
  expect(due).toEqual([]);
});

test('an item may take another appointment while it is looked at', () => {
  const item = { name: 'a' };
  const looks: number[] = [];
  const again = new TimerWheel<Item>((looked) => {
    looks.push(Math.round(again.now()));
    again.schedule(looked, 1000);
  });
  again.start();
  again.schedule(item, 1000);
  jest.advanceTimersByTime(5500);
  again.stop();
  expect(looks.length).toBeGreaterThanOrEqual(4);
});

test('appointments beyond a minute are looked at after about a minute', () => {
  wheel.schedule({ name: 'a' }, 3_600_000);
  jest.advanceTimersByTime(65_000);
  expect(due).toHaveLength(1);
});

test('of the time during which the process was stopped at most 1.5 s count', () => {
  jest.advanceTimersByTime(1000);
  const before = wheel.now();
  stalledMs = 60_000;
  jest.advanceTimersByTime(1000);
  expect(wheel.now() - before).toBeCloseTo(2500, 0);
  jest.advanceTimersByTime(5000);
  expect(wheel.now() - before).toBeCloseTo(7500, 0);
});

test('what is heard before the late turn is not ahead of the clock after it', () => {
  jest.advanceTimersByTime(1000);
  stalledMs = 60_000;
  const heardAt = wheel.now();
  jest.advanceTimersByTime(1000);
  expect(wheel.now()).toBeGreaterThanOrEqual(heardAt);
});

test('a turn that is a little late counts in full', () => {
  jest.advanceTimersByTime(1000);
  const before = wheel.now();
  stalledMs = 1400;
  jest.advanceTimersByTime(1000);
  expect(wheel.now() - before).toBeCloseTo(2400, 0);
});
