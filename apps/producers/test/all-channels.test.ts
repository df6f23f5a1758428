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
  const env = { TICKCAST_SAMPLE_BACKTEST_SECONDS: '120', TICKCAST_BACKTEST_CONCURRENCY: '2' };
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

interface Report {
  text: string;
  data: { status: string; cpu_usage: number; task_queue_size: number };
}

function reportsOf(agentId: string): Report[] {
  return client.frames
    .filter(({ frame }) => frame.type === 'agent_status' && frame['agent_id'] === agentId)
    .map(({ text, frame }) => ({ text, data: frame['data'] as Report['data'] }));
}

/** All that say `running`: the first tells that it runs, the others are refreshes. */
function runningReports(agentId: string): Report[] {
  return reportsOf(agentId).filter(({ data }) => data.status === 'running');
}

function publishedAt(text: string): number {
  return (JSON.parse(text) as { published_at: number }).published_at;
}

/** The newest report of an agent; none is as good as all zeros. */
function latest(agentId: string): Report['data'] {
  return reportsOf(agentId).at(-1)?.data ?? { status: '', cpu_usage: 0, task_queue_size: 0 };
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
  // The figures of the first report are those of a process that has just started, which is work too.
  await eventually(() => runningReports('busy').length > 1, { withinMs: 40_000 });
  const calm = latest('busy');
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

  const busyReport = () => {
    const report = latest('busy');
    return report.task_queue_size > 100 && report.cpu_usage > 2 * calm.cpu_usage && report;
  };
  const busy = await eventually(busyReport, { withinMs: 40_000 });
  const haveRefreshed = () => runningReports('idle').length > 2 && runningReports('coordinator').length > 2;
  await eventually(haveRefreshed, { withinMs: 40_000 });
  expect(latest('idle').task_queue_size).toBe(0);
  // It may be calm again by now.
  if (busy === false) throw new Error('unreachable');
  expect(latest('idle').cpu_usage).toBeLessThan(busy.cpu_usage);

  for (const agentId of ['busy', 'idle', 'coordinator']) {
    const times = runningReports(agentId).map(({ text }) => publishedAt(text) * 1000);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    for (const pause of pauses) expect(pause).toBeLessThanOrEqual(REFRESH_MOST_MS);
    // The first ones stand between a start and the rhythm.
    for (const pause of pauses.slice(1)) expect(pause).toBeGreaterThanOrEqual(REFRESH_LEAST_MS);
  }
}, 120_000);
