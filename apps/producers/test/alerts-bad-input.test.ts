/** Whoever may write to Redis may write anything: what is bad there is passed over, and all else is watched. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type AlertsWorld, openAlertsWorld, termsOf, untilWatched } from './support/alerts.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const GOOD = '0001.HK';

let world: AlertsWorld;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await openAlertsWorld([
    { name: 'memory', type: 'agent_memory', percent: 95 },
    { name: 'move', type: 'price_move', symbols: [GOOD], percent: 1, window_seconds: 60 },
  ]);
  worker = await world.startWorker('watcher');
  await untilWatched(world);
});

afterAll(async () => {
  await worker.process.kill();
  await world.close();
});

test.each(['{', '', '{}', 'null', '[]', '{"data":null}', '{"type":"agent_status","agent_id":"x","data":{}}', '\xff'])(
  'a message that looks numbered and holds %j is passed over',
  async (body) => {
    const message = Buffer.from(`T1 1 1-abcdef 1.000000 0 x\n${body}`, 'latin1');
    for (const name of ['agent_status', 'backtest_progress', `market_data:${GOOD}`]) {
      expect(await world.redis.publish(`tickcast:{${name}}`, message)).toBe(1);
    }
    await untilWatched(world);
    expect(termsOf(worker)).toBe(1);
  },
);

test('a numbered frame is that of the stream that its head names, and no other', async () => {
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
