import { expect, test } from '@jest/globals';
import { createProgressDisplay } from './backtest-progress.ts';

function output(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  return { isTTY, columns, write: (text: string) => written.push(text), written };
}

const report = (progress: number, more: object = {}) => ({
  progress,
  current_date: '2022-06-15',
  total_days: 1000,
  completed_days: progress * 1000,
  estimated_remaining: 1800,
  ...more,
});

test('on a terminal one line is drawn anew, and the cursor leaves it at the end', () => {
  const screen = output(true);
  const display = createProgressDisplay(screen);
  display.show(report(0.5));
  display.show(report(0.655, { estimated_remaining: 29.6 }));
  display.end();
  expect(screen.written).toEqual([
    '[###############---------------]  50 %  2022-06-15  30 min left',
    '\r\u001B[K',
    '[####################----------]  65 %  2022-06-15  30 s left',
    '\n',
  ]);
});

test('the line never wraps, as what wrapped could not be erased', () => {
  const screen = output(true, 20);
  createProgressDisplay(screen).show(report(0.5));
  expect(screen.written).toEqual(['[###############---']);
});

test('a terminal that does not know its width gets the whole line', () => {
  const screen = output(true, 0);
  createProgressDisplay(screen).show(report(0.5));
  expect(screen.written).toEqual(['[###############---------------]  50 %  2022-06-15  30 min left']);
});

test('elsewhere there is a line every 10 %, and one at the end', () => {
  const log = output(false);
  const display = createProgressDisplay(log);
  for (let percent = 0; percent < 100; percent += 1) display.show(report(percent / 100));
  display.show(report(1, { status: 'completed', estimated_remaining: 0 }));
  display.end();
  const percents = log.written.map((line) => Number(/^ *(\d+) %/.exec(line)?.[1]));
  expect(percents).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  expect(log.written.at(-1)).toBe('100 %  2022-06-15  completed\n');
});

test('an end before 100 % has its line too', () => {
  const log = output(false);
  const display = createProgressDisplay(log);
  display.show(report(0.42));
  display.show(report(0.43, { status: 'cancelled' }));
  expect(log.written.at(-1)).toBe(' 43 %  2022-06-15  cancelled\n');
});

test('a note is said once, above the bar', () => {
  const screen = output(true);
  const display = createProgressDisplay(screen);
  display.show(report(0));
  display.note('wait');
  display.note('wait');
  display.note('');
  const bar = screen.written[0] ?? '';
  expect(screen.written.slice(1)).toEqual(['\r\u001B[K', `wait\n${bar}`]);
});
