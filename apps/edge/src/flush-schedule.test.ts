import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { scheduleUnder } from '../test/support/parts.ts';
import type { FlushSchedule } from './flush-schedule.ts';

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

/** Has a stream wait that notes when it is flushed. @returns when it is due */
function wait(schedule: FlushSchedule, dueInMs: number, flushes: Array<[name: string, at: number]>, name = ''): number {
  const dueAt = performance.now() + dueInMs;
  schedule.add({ flush: (now) => flushes.push([name, now]) }, dueAt, true);
  return dueAt;
}

test('a spaced stream is woken once, when it is due or up to a slot later', () => {
  const schedule = scheduleUnder();
  const flushes: Array<[string, number]> = [];
  const dueAt = wait(schedule, 101.5, flushes);
  jest.advanceTimersByTime(101);
  expect(flushes).toEqual([]);
  jest.advanceTimersByTime(1000);
  expect(flushes).toHaveLength(1);
  const late = (flushes[0]?.[1] ?? 0) - dueAt;
  expect(late).toBeGreaterThanOrEqual(0);
  expect(late).toBeLessThanOrEqual(4);
});

test('spaced streams due at nearly the same time are flushed in one turn', () => {
  const schedule = scheduleUnder();
  const flushes: Array<[string, number]> = [];
  const start = Math.ceil(performance.now() / 4) * 4 - performance.now();
  for (const offset of [1, 2, 3.9]) wait(schedule, start + 100 + offset, flushes);
  jest.advanceTimersToNextTimer();
  expect(flushes).toHaveLength(3);
});

test('an earlier stream added later is woken first', () => {
  const schedule = scheduleUnder();
  const flushes: Array<[string, number]> = [];
  wait(schedule, 500, flushes, 'late');
  wait(schedule, 20, flushes, 'early');
  jest.advanceTimersByTime(600);
  expect(flushes.map(([name]) => name)).toEqual(['early', 'late']);
});

test('a stream may wait again from within its flush', () => {
  const schedule = scheduleUnder();
  const flushes: number[] = [];
  const again = {
    flush(now: number) {
      flushes.push(now);
      if (flushes.length < 3) schedule.add(this, now + 10);
    },
  };
  schedule.add(again, performance.now() + 10);
  jest.advanceTimersByTime(100);
  expect(flushes).toHaveLength(3);
});

test('a process that was busy flushes everything overdue, the earlier first', () => {
  let now = 0;
  const schedule = scheduleUnder({ now: () => now });
  const flushed: string[] = [];
  for (const [name, dueAt] of [
    ['a', 10],
    ['b', 50],
    ['c', 90],
  ] as const) {
    schedule.add({ flush: () => flushed.push(name) }, dueAt);
  }
  now = 200;
  jest.advanceTimersToNextTimer();
  expect(flushed).toEqual(['a', 'b', 'c']);
});

test('after stop nothing is flushed and no timer is left', () => {
  const schedule = scheduleUnder();
  const flushes: Array<[string, number]> = [];
  wait(schedule, 10, flushes);
  schedule.stop();
  expect(jest.getTimerCount()).toBe(0);
  jest.advanceTimersByTime(100);
  expect(flushes).toEqual([]);
});

test('what is read when a window ends came before that, and leaves with it', () => {
  const schedule = scheduleUnder({ traffic: { frames: 10_000, sockets: 1000 } });
  schedule.window.judge(schedule.now());
  jest.advanceTimersByTime(60);
  schedule.window.judge(schedule.now());
  expect(schedule.window.ms).toBeGreaterThan(50);
  const endsAt = schedule.window.endOf(schedule.now());
  const told: string[] = [];
  schedule.rest(() => {
    told.push('reads');
    const at = schedule.window.endOf(schedule.now());
    expect(at).toBe(endsAt);
    schedule.add({ flush: () => told.push('leaves') }, at);
  });
  jest.advanceTimersByTime(endsAt - performance.now() - 1);
  expect(told).toEqual([]);
  jest.advanceTimersByTime(4);
  expect(told).toEqual(['reads', 'leaves']);
  // Afterwards time is what it is.
  expect(schedule.now()).toBe(performance.now());
});

test('what rests when it is stopped goes on', () => {
  const schedule = scheduleUnder();
  const resume = jest.fn();
  schedule.rest(resume);
  schedule.stop();
  expect(resume).toHaveBeenCalledTimes(1);
});
