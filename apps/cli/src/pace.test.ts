import { expect, test } from '@jest/globals';
import { createPace } from './pace.ts';

/** A clock that is set by hand, in seconds. */
function paceAt(speed: number) {
  const clock = { now: 1000 };
  return { clock, pace: createPace(speed, () => clock.now) };
}

test('events are as far apart as they were received, divided by the speed', () => {
  const { clock, pace } = paceAt(2);
  expect(pace.wait(50)).toBe(0);
  expect(pace.wait(54)).toBe(2);
  clock.now += 2;
  expect(pace.wait(55)).toBe(0.5);
  expect(pace.late).toBe(0);
});

test('some milliseconds of a timer are made up for', () => {
  const { clock, pace } = paceAt(1);
  pace.wait(0);
  clock.now += 1.01;
  expect(pace.wait(1)).toBe(0);
  expect(pace.wait(2)).toBeCloseTo(0.99);
  expect(pace.late).toBe(0);
});

test('what is late puts off the rest, which is not sent faster for it', () => {
  const { clock, pace } = paceAt(1);
  pace.wait(0);
  clock.now += 5;
  expect(pace.wait(1)).toBe(0);
  expect(pace.late).toBe(4);
  expect(pace.wait(2)).toBe(1);
});

test('at full speed nothing waits, and nothing is late', () => {
  const { clock, pace } = paceAt(Number.POSITIVE_INFINITY);
  pace.wait(0);
  clock.now += 5;
  expect(pace.wait(1)).toBe(0);
  expect(pace.late).toBe(0);
});

test('a clock that was set back while it was recorded turns no order round', () => {
  const { pace } = paceAt(1);
  pace.wait(100);
  expect(pace.wait(103)).toBe(3);
  expect(pace.wait(90)).toBe(3);
});
