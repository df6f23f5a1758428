import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { FlushSchedule, type Flushable } from './flush-schedule.ts';

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

/** A stream that notes when it is flushed. */
function stream(dueInMs: number, flushes: Array<[name: string, at: number]>, name = ''): Flushable {
  return { dueAt: performance.now() + dueInMs, flush: (now) => flushes.push([name, now]) };
}

test('a stream is woken once, when it is due or up to a slot later', () => {
  const schedule = new FlushSchedule();
  const flushes: Array<[string, number]> = [];
  const waiting = stream(101.5, flushes);
  schedule.add(waiting);
  jest.advanceTimersByTime(101);
  expect(flushes).toEqual([]);
  jest.advanceTimersByTime(1000);
  expect(flushes).toHaveLength(1);
  const late = (flushes[0]?.[1] ?? 0) - waiting.dueAt;
  expect(late).toBeGreaterThanOrEqual(0);
  expect(late).toBeLessThanOrEqual(4);
});

test('streams due at nearly the same time are flushed in one turn', () => {
  const schedule = new FlushSchedule();
  const flushes: Array<[string, number]> = [];
  const start = Math.ceil(performance.now() / 4) * 4 - performance.now();
  for (const offset of [1, 2, 3.9]) schedule.add(stream(start + 100 + offset, flushes));
  jest.advanceTimersToNextTimer();
  expect(flushes).toHaveLength(3);
});

test('an earlier stream added later is woken first', () => {
  const schedule = new FlushSchedule();
  const flushes: Array<[string, number]> = [];
  schedule.add(stream(500, flushes, 'late'));
  schedule.add(stream(20, flushes, 'early'));
  jest.advanceTimersByTime(600);
  expect(flushes.map(([name]) => name)).toEqual(['early', 'late']);
});

test('a stream may wait again from within its flush', () => {
  const schedule = new FlushSchedule();
  const flushes: number[] = [];
  const again = {
    dueAt: performance.now() + 10,
    flush(now: number) {
      flushes.push(now);
      this.dueAt = now + 10;
      if (flushes.length < 3) schedule.add(this);
    },
  };
  schedule.add(again);
  jest.advanceTimersByTime(100);
  expect(flushes).toHaveLength(3);
});

test('a process that was busy flushes everything overdue, the earlier first', () => {
  let now = 0;
  const schedule = new FlushSchedule(() => now);
  const flushed: string[] = [];
  for (const [name, dueAt] of [
    ['a', 10],
    ['b', 50],
    ['c', 90],
  ] as const) {
    schedule.add({ dueAt, flush: () => flushed.push(name) });
  }
  now = 200;
  jest.advanceTimersToNextTimer();
  expect(flushed).toEqual(['a', 'b', 'c']);
});

test('after stop nothing is flushed and no timer is left', () => {
  const schedule = new FlushSchedule();
  const flushes: Array<[string, number]> = [];
  schedule.add(stream(10, flushes));
  schedule.stop();
  expect(jest.getTimerCount()).toBe(0);
  jest.advanceTimersByTime(100);
  expect(flushes).toEqual([]);
});
