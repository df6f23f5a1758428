import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createBacktests } from '@tickcast/jobs';
import { type Channel, checkPublishedFrame, SERVER_FIELDS } from '@tickcast/protocol';
import {
  connectClient,
  type EdgeProcess,
  eventually,
  type Frame,
  mintToken,
  type RedisServer,
  startEdge,
  startRedis,
  type TestClient,
} from '@tickcast/testing';
import { startWorkerProcess, type WorkerProcess } from './support/worker-process.ts';

const REFRESH_LEAST_MS = 27_000;
const REFRESH_MOST_MS = 30_000;

let redis: RedisServer;
let edge: EdgeProcess;
let workers: WorkerProcess[];
let client: TestClient;
let startedAt: number;

beforeAll(async () => {
  redis = await startRedis();
  edge = await startEdge({ redisUrl: redis.url });
  startedAt = performance.now();
  // As `npm start` does it, but that one of the two leaves backtests to the other.
  const env = { TICKCAST_SAMPLE_BACKTEST_SECONDS: '120' };
  workers = await Promise.all([
    startWorkerProcess({ redisUrl: redis.url, agentId: 'busy', env }),
    startWorkerProcess({ redisUrl: redis.url, agentId: 'idle', roles: 'market,alerts', env }),
  ]);
  client = await connectClient(edge.url, { token: await mintToken() });
  for (const channel of ['agent_status', 'backtest_progress', 'alerts']) client.send({ type: 'subscribe', channel });
  client.send({ type: 'subscribe', channel: 'market_data', symbol: '0700.HK' });
});

afterAll(async () => {
  client.socket.terminate();
  await Promise.all(workers.map(({ process: worker }) => worker.kill()));
  await edge.kill();
  await redis.stop();
});

function pushes(channel: Channel): Frame[] {
  return client.frames.map(({ frame }) => frame).filter(({ type }) => type === channel);
}

function reportsOf(agentId: string): Array<{ at: number; data: Record<string, number> }> {
  return client.frames
    .filter(({ frame }) => frame.type === 'agent_status' && frame['agent_id'] === agentId && frame['snapshot'] !== true)
    .map(({ at, frame }) => ({ at, data: frame['data'] as Record<string, number> }));
}

test('within 60 s a client of all four channels has had each, in frames of their schemas', async () => {
  for (const channel of ['market_data', 'agent_status', 'backtest_progress', 'alerts'] as const) {
    await eventually(() => pushes(channel).length > 0, { withinMs: 60_000 });
    for (const push of pushes(channel)) {
      const published = Object.fromEntries(
        Object.entries(push).filter(([name]) => !(SERVER_FIELDS as readonly string[]).includes(name)),
      );
      expect(checkPublishedFrame(channel, Buffer.from(JSON.stringify(published)))).not.toHaveProperty('problem');
    }
  }
  expect(performance.now() - startedAt).toBeLessThan(60_000);
}, 70_000);

test("a worker with many backtests says so: its queue and its CPU rise, another's don't; every agent refreshes within 30 s", async () => {
  const calm = await eventually(() => reportsOf('busy').at(-1) ?? Promise.reject(new Error('no report')));
  const backtests = createBacktests({ redisUrl: redis.url, redisPrefix: 'tickcast:' });
  const request = {
    strategy: 'ma_crossover',
    symbol: '0700.HK',
    from: '2021-01-04',
    to: '2023-12-29',
    params: {},
    data: 'daily-bars.csv',
  };
  // More than a worker can do in half a minute; those left over end with Redis.
  for (let index = 0; index < 3000; index++) await backtests.submit(request);
  await backtests.close();

  await eventually(
    () => {
      const { data } = reportsOf('busy').at(-1) ?? { data: {} };
      return Number(data['task_queue_size']) > 100 && Number(data['cpu_usage']) > 2 * Number(calm.data['cpu_usage']);
    },
    { withinMs: 40_000 },
  );
  await eventually(() => reportsOf('idle').length >= 3, { withinMs: 70_000 });
  expect(reportsOf('idle').at(-1)?.data['task_queue_size']).toBe(0);

  for (const agentId of ['busy', 'idle', 'coordinator']) {
    // From `running` on, nothing changes: what comes are refreshes.
    const times = reportsOf(agentId).filter(({ data }) => String(data['status']) === 'running');
    for (const [index, { at }] of times.entries()) {
      const next = times[index + 1];
      if (next === undefined) continue;
      expect(next.at - at).toBeLessThanOrEqual(REFRESH_MOST_MS);
      expect(next.at - at).toBeGreaterThanOrEqual(REFRESH_LEAST_MS);
    }
  }
}, 120_000);
