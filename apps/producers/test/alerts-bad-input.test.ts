/** Whoever may write to Redis may write anything: what is bad there is passed over, and all else is watched. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { BACKTESTS_QUEUE } from '@tickcast/jobs';
import { eventually } from '@tickcast/testing';
import { type AlertsWorld, openAlertsWorld, termsOf, untilWatched } from './support/alerts.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const [GOOD, WRONG_TYPE, BAD_FRAME, BAD_STATE] = ['0001.HK', '0002.HK', '0003.HK', '0004.HK'] as const;
const SYMBOLS = [GOOD, WRONG_TYPE, BAD_FRAME, BAD_STATE];

let world: AlertsWorld;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await openAlertsWorld([
    { name: 'memory', type: 'agent_memory', percent: 95 },
    { name: 'move', type: 'price_move', symbols: SYMBOLS, percent: 1, window_seconds: 60 },
    { name: 'depth', type: 'queue_depth', queue: BACKTESTS_QUEUE, jobs: 2 },
  ]);
  worker = await world.startWorker('watcher');
  await untilWatched(world);
});

afterAll(async () => {
  await worker.process.kill();
  await world.close();
});

async function overwrite(key: string, value: string): Promise<void> {
  await world.redis.del(key);
  await world.redis.set(key, value);
}

test.concurrent.each([
  '{',
  '',
  '{}',
  'null',
  '[]',
  '{"data":null}',
  '{"type":"agent_status","agent_id":"x","data":{}}',
  '\xff',
])('a message that looks numbered and holds %j is passed over', async (body) => {
  const message = Buffer.from(`T1 1 1-abcdef 1.000000 0 x\n${body}`, 'latin1');
  for (const name of ['agent_status', 'backtest_progress', `market_data:${GOOD}`]) {
    expect(await world.redis.publish(`tickcast:{${name}}`, message)).toBe(1);
  }
  await untilWatched(world);
  expect(termsOf(worker)).toBe(1);
});

test.concurrent('a numbered frame is that of the stream that its head names, and no other', async () => {
  const data = {
    status: 'running',
    cpu_usage: 1,
    memory_usage: 1,
    task_queue_size: 0,
    last_update: 1,
    memory_percent: 99,
  };
  const frame = JSON.stringify({ type: 'agent_status', agent_id: 'another', data });
  await world.redis.publish('tickcast:{agent_status}', `T1 1 1-abcdef 1.000000 0 one\n${frame}`);
  await untilWatched(world);
  expect(await world.alerts('memory', 'one')).toEqual([]);
  expect(await world.alerts('memory', 'another')).toEqual([]);
});

test('streams whose state is of another type or holds nonsense are named, once each, and all others are watched', async () => {
  const { redis } = world;
  await overwrite(`tickcast:{market_data:${WRONG_TYPE}}`, 'x');
  await world.quote(BAD_FRAME, 100);
  await redis.hset(`tickcast:{market_data:${BAD_FRAME}}`, 'frame', '{"type":');
  await redis.del(`tickcast:{market_data:${BAD_STATE}}`);
  await redis.hset(`tickcast:{market_data:${BAD_STATE}}`, { frame: 'x', epoch: 'y' });
  for (const id of ['sick', 'overwritten', 'healthy']) await world.agent(id, 'running', 97);
  await redis.hset('tickcast:{agent_status}:sick', { frame: '{}', time: 'never' });
  await overwrite('tickcast:{agent_status}:overwritten', 'x');
  await overwrite('tickcast:{backtest_progress}', 'x');

  await worker.process.kill();
  worker = await world.startWorker('heir');
  await untilWatched(world);
  expect(await world.states('memory', 'healthy')).toEqual(['firing']);
  for (const price of [100, 102]) await world.quote(GOOD, price);
  // The Function can't publish to it, and others may.
  for (const price of [100, 102]) await world.quote(WRONG_TYPE, price, 'raw');
  for (const symbol of [GOOD, WRONG_TYPE]) {
    await eventually(async () => (await world.states('move', symbol)).length === 1);
  }
  expect(termsOf(worker)).toBe(1);

  const named = worker.process.lines().filter((line) => line.includes('is passed over'));
  expect(named.map((line) => (JSON.parse(line) as { stream: string }).stream).toSorted()).toEqual([
    'tickcast:{agent_status}',
    'tickcast:{backtest_progress}',
    ...[WRONG_TYPE, BAD_FRAME, BAD_STATE].map((symbol) => `tickcast:{market_data:${symbol}}`),
  ]);
}, 60_000);

test('figures that a rule asks for and that can not be read are told of', async () => {
  await overwrite(`tickcast:{jobs}:${BACKTESTS_QUEUE}:wait`, 'x');
  const line = await worker.process.waitForLine(/WRONGTYPE.*figures that a rule looks at/, 15_000);
  expect(JSON.parse(line)).toMatchObject({ level: 40 });
  await untilWatched(world);
});
