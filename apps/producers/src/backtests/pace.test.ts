import { expect, test } from '@jest/globals';
import { createPace } from './pace.ts';

function paceAt(daysPerSecond?: number) {
  const clock = { ms: 5000 };
  return { clock, pace: createPace(daysPerSecond, () => clock.ms) };
}

test('without a pace the next day may always begin, and the time left is measured', () => {
  const { clock, pace } = paceAt();
  expect(pace.untilNext()).toBe(0);
  expect(pace.remaining(100)).toBe(0);
  for (let day = 0; day < 10; day += 1) pace.stepped();
  clock.ms += 2000;
  expect(pace.untilNext()).toBe(0);
  // 0.2 s a day.
  expect(pace.remaining(90)).toBeCloseTo(18);
});

test('with a pace, days begin one after the other, and the time left is known from the start', () => {
  const { clock, pace } = paceAt(4);
  expect(pace.untilNext()).toBe(0);
  expect(pace.remaining(100)).toBe(25);
  pace.stepped();
  expect(pace.untilNext()).toBe(250);
  clock.ms += 200;
  expect(pace.untilNext()).toBe(50);
  clock.ms += 60;
  pace.stepped();
  // By the schedule, not 250 ms after the late one.
  expect(pace.untilNext()).toBe(240);
});

test('what took longer than the pace tells in the time left', () => {
  const { clock, pace } = paceAt(10);
  pace.stepped();
  clock.ms += 2000;
  expect(pace.remaining(10)).toBe(20);
});

test('after a long pause a second is made up for, no more', () => {
  const { clock, pace } = paceAt(10);
  pace.stepped();
  clock.ms += 60_000;
  let days = 0;
  while (pace.untilNext() === 0) {
    pace.stepped();
    days += 1;
  }
  expect(days).toBeLessThanOrEqual(12);
});
