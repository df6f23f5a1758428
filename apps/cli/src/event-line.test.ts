import { expect, test } from '@jest/globals';
import type { Push, Received } from '@tickcast/client';
import { createEventLines } from './event-line.ts';
import type { Paint } from './paint.ts';

/** Shows what would be coloured: `<red text>`. */
const MARKED: Paint = (style, text) => `<${[style].flat().join('+')} ${text}>`;
const PLAIN: Paint = (_style, text) => text;

const received = (frame: Push) =>
  ({ published_at: 1_701_234_567.891, epoch: null, raw: '', ...frame }) as Received<Push>;

const quote = (price: number, more = {}): Received<Push> =>
  received({
    type: 'market_data',
    symbol: '0700.HK',
    seq: 7,
    data: { timestamp: 1, price, volume: 1_000_000, ...more },
  });

const alert = (level: string, message: string): Received<Push> =>
  received({ type: 'alerts', seq: 3, data: { level, message, timestamp: 1, source: 'monitoring' } });

test('a quote has its time, stream, number, price and day', () => {
  const line = createEventLines(PLAIN)(quote(352, { open: 350.5, high: 355, low: 345 }));
  expect(line).toBe('05:09:27.891 market_data 0700.HK #7 = 352 open 350.5 high 355 low 345 volume 1,000,000');
});

test('a price has its direction since the last one of the same symbol, in green or red', () => {
  const lineOf = createEventLines(MARKED);
  expect(lineOf(quote(352))).toContain('= 352');
  expect(lineOf(quote(352.2))).toContain('<green ▲ 352.2>');
  expect(lineOf(quote(351))).toContain('<red ▼ 351>');
  expect(lineOf(quote(351))).toContain('= 351');
});

test('the level of an alert and the status of an agent are coloured by their gravity', () => {
  const lineOf = createEventLines(MARKED);
  expect(lineOf(alert('warning', '内存使用率超过80%'))).toMatch(
    /<bold\+yellow warning> monitoring: 内存使用率超过80%$/,
  );
  expect(lineOf(alert('constructor', 'x'))).toMatch(/ constructor monitoring: x$/);
  const data = { status: 'failed', cpu_usage: 45.2, memory_usage: 512.5, task_queue_size: 3, last_update: 1 };
  const agent = lineOf(received({ type: 'agent_status', agent_id: 'coordinator', data }));
  expect(agent).toContain('<bold+red failed>  cpu 45.2 %  memory 512.5 MiB  queue 3');
});

test('a backtest has a bar', () => {
  const data = {
    progress: 0.65,
    current_date: '2022-06-15',
    total_days: 1095,
    completed_days: 711,
    estimated_remaining: 1800,
    status: 'running',
  };
  const line = createEventLines(PLAIN)(received({ type: 'backtest_progress', backtest_id: 'bt_1', data }));
  expect(line).toContain('bt_1 [#############-------] 65 %  2022-06-15  day 711 of 1095  running');
});

test('what the server says of an event is shown', () => {
  const event = { ...quote(1), snapshot: true, conflated: 3, lost: null, epoch: null, raw: '' } as Received<Push>;
  expect(createEventLines(PLAIN)(event)).toContain('#7 snapshot conflated=3 lost=null =');
});

test('nothing in a text is obeyed by a terminal', () => {
  const line = createEventLines(PLAIN)(alert('x\u001B[2J', 'a\r\nb\u0007\u202E\u2028'));
  expect(line).not.toMatch(/[\p{Cc}\u202E\u2028]/u);
  expect(line).toMatch(/x\uFFFD\[2J monitoring: a\uFFFD\uFFFDb\uFFFD\uFFFD\uFFFD$/);
});
