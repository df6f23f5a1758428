import { expect, test } from '@jest/globals';
import { type Condition, createCondition } from './conditions.ts';
import type { Observation } from './observations.ts';
import { parseRules } from './rules.ts';

const BEGAN = Date.UTC(2024, 0, 3, 2, 0); // 10:00 in Hong Kong, a Wednesday
const MAX_CONNECTIONS = 1000;
const SYMBOL = '0700.HK';

function conditionOf(rule: object): Condition {
  const [parsed] = parseRules(JSON.stringify({ rules: [{ name: 'rule', ...rule }] }));
  if (!parsed) throw new Error('no rule');
  return createCondition(parsed.watched, { beganAt: BEGAN, maxConnections: MAX_CONNECTIONS });
}

const quote = (price: number, seconds: number): Observation => ({
  kind: 'quote',
  symbol: SYMBOL,
  price,
  at: BEGAN + seconds * 1000,
});
const agent = (status: string, memoryPercent: number | null = null, seconds = 0): Observation => ({
  kind: 'agent',
  agentId: 'a1',
  status,
  memoryPercent,
  at: BEGAN + seconds * 1000,
});
const ended = (backtestId: string, status: string, seconds: number): Observation => ({
  kind: 'backtest_end',
  backtestId,
  status,
  at: BEGAN + seconds * 1000,
});

function feed(condition: Condition, ...observations: Observation[]): Condition {
  for (const observation of observations) condition.observe(observation);
  return condition;
}

/** `firing value text` of the only subject; null when nothing is known. */
function stand(condition: Condition, seconds = 0) {
  const [reading, ...more] = condition.readings(BEGAN + seconds * 1000);
  expect(more).toEqual([]);
  return reading === undefined ? null : { firing: reading.firing, value: reading.value, text: reading.text };
}

const firing = (value: number, text: string) => ({ firing: true, value, text });
const calm = (value: number | null) => ({ firing: false, value, text: expect.any(String) });

test('agent_memory fires above its percentage, with the text of the seed', () => {
  const condition = conditionOf({ type: 'agent_memory', percent: 80 });
  expect(stand(condition)).toBeNull();
  expect(stand(feed(condition, agent('running', 80)))).toEqual(calm(80));
  expect(stand(feed(condition, agent('running', 80.1)))).toEqual(firing(80.1, '内存使用率超过80%'));
  // A report that says nothing of memory changes nothing.
  expect(stand(feed(condition, agent('running')))).toEqual(firing(80.1, '内存使用率超过80%'));
  expect(stand(feed(condition, agent('stopped', 99)))).toEqual(calm(null));
});

test('agent_stopped fires for an agent that stopped without having said so before', () => {
  const condition = feed(conditionOf({ type: 'agent_stopped' }), agent('running'));
  expect(stand(condition)).toEqual(calm(0));
  expect(stand(feed(condition, agent('stopped')))).toEqual(firing(1, '智能体 a1 意外停止'));
  // Reported once more, it is still the same death.
  expect(stand(feed(condition, agent('stopped')))).toEqual(firing(1, '智能体 a1 意外停止'));
  expect(stand(feed(condition, agent('starting')))).toEqual(calm(0));
  expect(stand(feed(condition, agent('stopping'), agent('stopped')))).toEqual(calm(0));
});

test('an agent that was stopped before anybody watched may have been killed or not: nothing is said of it', () => {
  expect(stand(feed(conditionOf({ type: 'agent_stopped' }), agent('stopped')))).toBeNull();
});

test('a killed agent is waited for for 10 minutes, and forgotten after an hour', () => {
  const condition = feed(conditionOf({ type: 'agent_stopped' }), agent('running'), agent('stopped', null, 1));
  expect(stand(condition, 600)).toMatchObject({ firing: true });
  const [reading] = condition.readings(BEGAN + 601_000);
  expect(reading).toMatchObject({ firing: false, lastWords: '智能体 a1 停止已超过10分钟，不再等待' });
  expect(stand(condition, 3601)).toBeNull();
});

test.each([{ type: 'agent_memory', percent: 80 }, { type: 'agent_stopped' }])(
  'an agent that nobody hears of is forgotten after a day: $type',
  (rule) => {
    const day = 86_400;
    const condition = feed(conditionOf(rule), agent('running', 10), agent('running', 10, 60));
    expect(stand(condition, day + 59)).toMatchObject({ firing: false });
    expect(stand(condition, day + 60)).toBeNull();
  },
);

test('price_move fires from its percentage on, up or down, with the signed move', () => {
  const rule = { type: 'price_move', symbols: [SYMBOL], percent: 0.5, window_seconds: 60 };
  const condition = feed(conditionOf(rule), quote(1000, 0), quote(1004.9, 1));
  expect(stand(feed(condition, quote(1005, 2)), 2)).toEqual(firing(0.5, '0700.HK 60秒内上涨0.5%'));
  expect(stand(feed(condition, quote(990, 3)), 3)).toEqual(firing(-1.49, '0700.HK 60秒内下跌1.49%'));
});

test('a price_move is over when its symbol has fallen silent for the window', () => {
  const rule = { type: 'price_move', symbols: [SYMBOL], percent: 5, window_seconds: 5 };
  const condition = feed(conditionOf(rule), quote(100, 10), quote(120, 10));
  expect(stand(condition, 15)).toMatchObject({ firing: true, value: 20 });
  expect(stand(condition, 15.1)).toEqual(calm(0));
});

test('a price of 0 or below is none: no price_move is told to it or from it', () => {
  const rule = { type: 'price_move', symbols: [SYMBOL], percent: 0.5, window_seconds: 60 };
  const condition = feed(conditionOf(rule), quote(100, 0), quote(0, 1), quote(-1, 2));
  expect(stand(condition, 60)).toEqual(calm(0));
  expect(stand(feed(condition, quote(0, 61), quote(100, 62), quote(101, 63)), 63)).toMatchObject({ value: 1 });
});

test('a price_move that is beyond all numbers is told with a number', () => {
  const rule = { type: 'price_move', symbols: [SYMBOL], percent: 0.5, window_seconds: 60 };
  const condition = feed(conditionOf(rule), quote(Number.MIN_VALUE, 0), quote(Number.MAX_VALUE, 1));
  expect(stand(condition, 1)).toEqual(firing(1e12, '0700.HK 60秒内上涨1000000000000%'));
});

test('a small price_move is known to be one only when a whole window was watched', () => {
  const rule = { type: 'price_move', symbols: [SYMBOL], percent: 0.5, window_seconds: 60 };
  const condition = feed(conditionOf(rule), quote(1000, 0), quote(1001, 59));
  expect(stand(condition, 59)).toBeNull();
  expect(stand(condition, 60)).toEqual(calm(0.1));
});

test('stale_feed counts from the last event, or from when watching began', () => {
  const condition = conditionOf({ type: 'stale_feed', symbols: [SYMBOL], seconds: 30 });
  feed(condition, quote(1, -500));
  expect(stand(condition, 29.9)).toBeNull();
  expect(stand(condition, 30)).toEqual(firing(30, '0700.HK 行情中断：已30秒没有更新'));
  expect(stand(feed(condition, quote(1, 40)), 41.26)).toEqual(calm(1.3));
  expect(stand(condition, 75)).toEqual(firing(35, '0700.HK 行情中断：已35秒没有更新'));
});

test('stale_feed in the hours of the exchange: silence counts from when it opens, and nothing is said while it is closed', () => {
  const condition = conditionOf({ type: 'stale_feed', symbols: [SYMBOL], seconds: 30, hours: 'hkex' });
  feed(condition, quote(1, 0));
  expect(stand(condition, 31)).toMatchObject({ firing: true });
  const [noon, one] = [2 * 3600, 3 * 3600];
  expect(stand(condition, noon)).toBeNull();
  expect(stand(condition, one)).toBeNull();
  expect(stand(condition, one + 29)).toBeNull();
  expect(stand(condition, one + 30)).toMatchObject({ firing: true, value: 30 });
  expect(stand(feed(condition, quote(1, one + 31)), one + 31)).toMatchObject({ firing: false });
});

test('failed_job counts the backtests that failed within its window, each once', () => {
  const condition = conditionOf({ type: 'failed_job', count: 2, window_seconds: 60 });
  feed(condition, ended('b1', 'failed', -59), ended('b1', 'failed', 5), ended('b2', 'completed', 0));
  expect(stand(condition)).toEqual(calm(1));
  expect(stand(feed(condition, ended('b3', 'failed', 0)))).toEqual(firing(2, '最近60秒内有2个回测任务失败'));
  expect(stand(condition, 1)).toEqual(calm(1));
  expect(stand(condition, 60)).toEqual(calm(0));
});

test('queue_depth and dead_letters fire above their numbers, each of its own queue', () => {
  const depth = conditionOf({ type: 'queue_depth', queue: 'backtests', jobs: 100 });
  const dead = conditionOf({ type: 'dead_letters' });
  for (const condition of [depth, dead]) {
    expect(stand(condition)).toBeNull();
    feed(
      condition,
      { kind: 'queue', queue: 'backtests', waiting: 100 },
      { kind: 'queue', queue: 'dead-letters', waiting: 0 },
    );
  }
  expect([stand(depth), stand(dead)]).toEqual([calm(100), calm(0)]);
  for (const condition of [depth, dead]) {
    feed(
      condition,
      { kind: 'queue', queue: 'backtests', waiting: 101 },
      { kind: 'queue', queue: 'dead-letters', waiting: 2 },
    );
  }
  expect(stand(depth)).toEqual(firing(101, '队列 backtests 有101个任务在等待，超过100个'));
  expect(stand(dead)).toEqual(firing(2, '死信队列中有2个失败的任务待处理'));
});

test('cluster_near_cap fires from its percentage of the cap on', () => {
  const condition = conditionOf({ type: 'cluster_near_cap', percent: 90 });
  expect(stand(feed(condition, { kind: 'seats', seats: 899 }))).toEqual(calm(89.9));
  expect(stand(feed(condition, { kind: 'seats', seats: 901 }))).toEqual(
    firing(90.1, '连接数已达上限的90.1%（901/1000）'),
  );
});
