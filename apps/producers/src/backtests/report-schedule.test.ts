import { expect, test } from '@jest/globals';
import { createReportSchedule } from './report-schedule.ts';

function scheduleAt(reportedDays = -1) {
  const clock = { ms: 0 };
  return { clock, schedule: createReportSchedule(reportedDays, () => clock.ms) };
}

const days = (completedDays: number, totalDays = 1000) => ({ completedDays, totalDays });

test('the start is reported, and then steps of at most a percent', () => {
  const { clock, schedule } = scheduleAt();
  expect(schedule.isDue(days(0))).toBe(true);
  schedule.reported(days(0));
  clock.ms += 500;
  expect(schedule.isDue(days(9))).toBe(false);
  expect(schedule.isDue(days(10))).toBe(true);
  schedule.reported(days(13));
  clock.ms += 500;
  expect(schedule.isDue(days(22))).toBe(false);
  expect(schedule.isDue(days(23))).toBe(true);
});

test('where the days are no multiple of a hundred, a step is rather less than a percent', () => {
  const { clock, schedule } = scheduleAt();
  schedule.reported(days(0, 780));
  clock.ms += 500;
  expect(schedule.isDue(days(6, 780))).toBe(false);
  expect(schedule.isDue(days(7, 780))).toBe(true);
});

test('of less than a hundred days each is a step', () => {
  const { clock, schedule } = scheduleAt();
  schedule.reported(days(0, 30));
  clock.ms += 500;
  expect(schedule.isDue(days(1, 30))).toBe(true);
});

test('a slow one is reported every 10 s, if a day is over', () => {
  const { clock, schedule } = scheduleAt();
  schedule.reported(days(0));
  clock.ms += 9999;
  expect(schedule.isDue(days(1))).toBe(false);
  clock.ms += 1;
  expect(schedule.isDue(days(1))).toBe(true);
  expect(schedule.isDue(days(0))).toBe(false);
});

test('a fast one is reported ten times a second at most', () => {
  const { clock, schedule } = scheduleAt();
  schedule.reported(days(0));
  clock.ms += 99;
  expect(schedule.isDue(days(500))).toBe(false);
  clock.ms += 1;
  expect(schedule.isDue(days(500))).toBe(true);
});

test('what another run has reported is not reported again, nor what was before it', () => {
  const { schedule } = scheduleAt(500);
  expect(schedule.isDue(days(0))).toBe(false);
  expect(schedule.isDue(days(500))).toBe(false);
  expect(schedule.isDue(days(510))).toBe(true);
});
