/** Each type of rule against a real worker: it fires with what is true, once, and is resolved. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createNames, createSeats } from '@tickcast/backplane';
import { BACKTESTS_QUEUE, closeQueue, DEAD_LETTERS_QUEUE, openQueue } from '@tickcast/jobs';
import { checkPublishedFrame } from '@tickcast/protocol';
import { eventually } from '@tickcast/testing';
import { type AlertsWorld, openAlertsWorld, type RaisedAlert, untilWatched } from './support/alerts.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const MAX_CONNECTIONS = 4;
const COOLDOWN_SECONDS = 4;

const RULES = [
  { name: 'memory', type: 'agent_memory', percent: 95 },
  { name: 'flap', type: 'agent_memory', percent: 98, cooldown_seconds: COOLDOWN_SECONDS },
  { name: 'move', type: 'price_move', symbols: ['0001.HK', '0003.HK'], percent: 1, window_seconds: 3, level: 'info' },
  { name: 'quiet', type: 'stale_feed', symbols: ['2.HK'], seconds: 2, level: 'critical' },
  { name: 'failed', type: 'failed_job', count: 2, window_seconds: 5 },
  { name: 'depth', type: 'queue_depth', queue: BACKTESTS_QUEUE, jobs: 2 },
  { name: 'dead', type: 'dead_letters', level: 'error', message: '{value} dead letters, at most {threshold}' },
  { name: 'full', type: 'cluster_near_cap', percent: 75 },
  { name: 'stopped', type: 'agent_stopped' },
];

let world: AlertsWorld;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await openAlertsWorld(RULES);
  worker = await world.startWorker('watcher', { TICKCAST_MAX_CONNECTIONS: String(MAX_CONNECTIONS) });
  await untilWatched(world);
});

afterAll(async () => {
  await worker.process.kill();
  await world.close();
});

async function untilAlerts(count: number, rule: string, subject?: string): Promise<RaisedAlert[]> {
  await eventually(async () => (await world.alerts(rule, subject)).length >= count, { withinMs: 15_000 });
  const alerts = await world.alerts(rule, subject);
  expect(alerts).toHaveLength(count);
  return alerts;
}

test.concurrent('agent_memory: the alert of the seed, and its end', async () => {
  await world.agent('box', 'running', 97.25);
  await untilAlerts(1, 'memory', 'box');
  await world.agent('box', 'running', 41);
  const [firing, resolved] = await untilAlerts(2, 'memory', 'box');
  expect(firing).toEqual({
    level: 'warning',
    message: '内存使用率超过95%',
    timestamp: expect.any(Number),
    source: 'monitoring',
    rule: 'memory',
    subject: 'box',
    state: 'firing',
    value: 97.25,
    threshold: 95,
  });
  expect(resolved).toMatchObject({ level: 'info', message: '已恢复：内存使用率超过95%', state: 'resolved', value: 41 });
  expect(Math.abs((firing?.timestamp ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  const frame = Buffer.from(JSON.stringify({ type: 'alerts', data: firing }));
  expect(checkPublishedFrame('alerts', frame)).toEqual({ key: null, status: null });
});

test.concurrent.each([
  ['0001.HK', 'numbered'],
  ['0003.HK', 'raw'],
] as const)('price_move: %s, %s, from any price in the window to the newest', async (symbol, how) => {
  await world.quote(symbol, 100, how);
  await world.quote(symbol, 104, how);
  await world.quote(symbol, 101.92, how);
  // No more than that: its end comes by itself, and may have come by now.
  await eventually(async () => (await world.alerts('move', symbol)).length > 0, { withinMs: 15_000 });
  // Prices go on, without a move; the large one leaves the window.
  await eventually(
    async () => {
      await world.quote(symbol, 102, how);
      return (await world.alerts('move', symbol)).length >= 2;
    },
    { withinMs: 15_000 },
  );
  const [firing, resolved] = await untilAlerts(2, 'move', symbol);
  // Seen between two quotes it may have been +4 %.
  expect([-2, 4]).toContain(firing?.value);
  expect(firing).toMatchObject({ level: 'info', threshold: 1 });
  expect(firing?.message).toMatch(firing?.value === 4 ? '3秒内上涨4%' : '3秒内下跌2%');
  expect(resolved).toMatchObject({ state: 'resolved' });
  expect(Math.abs(resolved?.value ?? 9)).toBeLessThan(1);
});

test.concurrent('stale_feed: a symbol without an event, until there is one', async () => {
  const [firing] = await untilAlerts(1, 'quiet', '0002.HK');
  expect(firing).toMatchObject({ level: 'critical', state: 'firing', threshold: 2 });
  expect(firing?.value).toBeGreaterThanOrEqual(2);
  // A worker that is held up right after one would find it old again.
  await eventually(
    async () => {
      await world.quote('0002.HK', 9);
      return (await world.alerts('quiet', '0002.HK')).length >= 2;
    },
    { withinMs: 15_000 },
  );
  const [, resolved] = await untilAlerts(2, 'quiet', '0002.HK');
  expect(resolved).toMatchObject({ state: 'resolved' });
  expect(resolved?.value).toBeLessThan(2);
});

test.concurrent('failed_job: backtests that failed within the window', async () => {
  await world.backtest('bt_good', 'completed');
  await world.backtest('bt_bad_1', 'failed');
  await world.backtest('bt_bad_2', 'failed');
  // Both come by themselves, the second 5 s after the first.
  const [firing, resolved] = await untilAlerts(2, 'failed');
  expect(firing).toMatchObject({ subject: 'backtests', value: 2, threshold: 2, state: 'firing' });
  expect(resolved).toMatchObject({ state: 'resolved' });
  expect(resolved?.value).toBeLessThan(2);
});

test.concurrent.each([
  ['depth', BACKTESTS_QUEUE, '队列 backtests 有3个任务在等待，超过2个'],
  ['dead', DEAD_LETTERS_QUEUE, '3 dead letters, at most 0'],
] as const)('%s: jobs that wait in %s, until they are gone', async (rule, name, message) => {
  const queue = openQueue(name, { redisUrl: world.server.url, redisPrefix: 'tickcast:' });
  // At once: read between two of them, the figure would be another.
  await queue.addBulk([1, 2, 3].map((id) => ({ name: 'x', data: {}, opts: { jobId: `job-${id}` } })));
  const [firing] = await untilAlerts(1, rule, name);
  expect(firing).toMatchObject({ value: 3, threshold: rule === 'dead' ? 0 : 2, message });
  await queue.obliterate({ force: true });
  const [, resolved] = await untilAlerts(2, rule, name);
  expect(resolved).toMatchObject({ value: 0, state: 'resolved', message: `已恢复：${message}` });
  await closeQueue(queue);
});

test.concurrent('cluster_near_cap: seats that are taken, of those there may be', async () => {
  const names = createNames();
  const seats = createSeats({ redis: world.redis, names, node: 'n', ttlMs: 60_000, maxSeats: MAX_CONNECTIONS });
  const taken = [];
  for (const newId of ['one', 'two', 'three']) taken.push(await seats.take({ sub: newId, newId }));
  expect(taken).toMatchObject([{ status: 'seated' }, { status: 'seated' }, { status: 'seated' }]);
  const [firing] = await untilAlerts(1, 'full', 'cluster');
  expect(firing).toMatchObject({ value: 75, threshold: 75, message: '连接数已达上限的75%（3/4）' });
  await seats.release({ id: 'one', sub: 'one', gen: 1, deficitMs: 0 });
  const [, resolved] = await untilAlerts(2, 'full', 'cluster');
  expect(resolved).toMatchObject({ value: 50, state: 'resolved' });
});

test.concurrent('agent_stopped: an agent that did not say it would, until it is back', async () => {
  for (const id of ['killed', 'ended']) await world.agent(id, 'running');
  await untilWatched(world);
  await world.agent('ended', 'stopping');
  await world.agent('ended', 'stopped');
  await world.agent('killed', 'stopped');
  const [firing] = await untilAlerts(1, 'stopped', 'killed');
  expect(firing).toMatchObject({ message: '智能体 killed 意外停止', value: 1 });
  await world.agent('killed', 'starting');
  await untilAlerts(2, 'stopped', 'killed');
  expect(await world.alerts('stopped', 'ended')).toEqual([]);
});

test.concurrent(
  'a subject that flaps is announced once in its cool-down, and at the end of it if it still holds',
  async () => {
    await world.agent('flapping', 'running', 99);
    await untilAlerts(1, 'flap', 'flapping');
    await world.agent('flapping', 'running', 10);
    await untilAlerts(2, 'flap', 'flapping');
    await world.agent('flapping', 'running', 99);
    const [first, , second] = await untilAlerts(3, 'flap', 'flapping');
    expect([first?.state, second?.state]).toEqual(['firing', 'firing']);
    expect((second?.timestamp ?? 0) - (first?.timestamp ?? 0)).toBeGreaterThanOrEqual(COOLDOWN_SECONDS);
  },
);

test('the metrics say how many rules there are, what was told, and what fires', async () => {
  // The worker counts an alert after Redis, where we saw it, has it.
  await eventually(async () => {
    const page = await (await fetch(`${worker.adminUrl}/metrics`)).text();
    const metrics = page.split('\n').filter((line) => line.startsWith('tickcast_alert'));
    expect(metrics).toEqual(
      expect.arrayContaining([
        `tickcast_alert_rules ${RULES.length}`,
        'tickcast_alerts_total{rule="full",state="firing"} 1',
        'tickcast_alerts_total{rule="full",state="resolved"} 1',
        'tickcast_alerts_firing{rule="flap"} 1',
        'tickcast_alerts_firing{rule="full"} 0',
      ]),
    );
  });
});
