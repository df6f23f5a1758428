/** One Redis with its backtests, the workers that run them, and all that was published of them. */
import { expect } from '@jest/globals';
import {
  type BacktestReport,
  type BacktestRequest,
  type Backtests,
  closeQueue,
  createBacktests,
  openQueue,
} from '@tickcast/jobs';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import type { Job, JobState, Queue } from 'bullmq';
import { type BacktestSummary, startBacktest } from '../../src/backtests/engine.ts';
import { readDailyBars } from '../../src/market/market-file.ts';
import { record, type Recorded, type Recorder } from './recorder.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

export const REDIS_PREFIX = 'tickcast:';
const SAMPLES = new URL('../../samples/', import.meta.url).pathname;

export interface BacktestsWorld {
  readonly redis: RedisServer;
  readonly backtests: Backtests;
  /** The same queue, for what `backtests` does not let one do. */
  readonly queue: Queue;
  readonly published: Recorder<BacktestReport>;
  /** Starts a worker that does nothing but backtests, and waits until it has Redis. */
  startWorker(agentId: string, env?: NodeJS.ProcessEnv): Promise<WorkerProcess>;
  end(): Promise<void>;
}

/** A year of the sample: 260 days. */
export function requestOf(more: Partial<BacktestRequest> = {}): BacktestRequest {
  const params = { fast: 5, slow: 20 };
  const days = { from: '2021-01-01', to: '2021-12-31' };
  return { strategy: 'ma_crossover', symbol: '0700.HK', ...days, params, data: 'daily-bars.csv', ...more };
}

/** @param args of the Redis */
export async function startBacktestsWorld(args: readonly string[] = []): Promise<BacktestsWorld> {
  const redis = await startRedis({ args });
  const published = await record<BacktestReport>(redis.url, 'backtest_progress');
  const at = { redisUrl: redis.url, redisPrefix: REDIS_PREFIX };
  const queue = openQueue('backtests', at);
  const workers: WorkerProcess[] = [];
  const first = createBacktests(at);
  return {
    redis,
    backtests: first,
    queue,
    published,
    async startWorker(agentId, env = {}) {
      const worker = await startWorkerProcess({ redisUrl: redis.url, agentId, roles: 'backtests', env });
      workers.push(worker);
      await worker.process.waitForLine(/"Redis is there"/);
      return worker;
    },
    async end() {
      await Promise.all(workers.map((worker) => worker.process.kill()));
      published.close();
      await Promise.all([first.close(), closeQueue(queue)]);
      await redis.kill();
    },
  };
}

/** Waits until a job is in a state, and answers it as it is then. */
export async function jobThatIs(state: JobState, id: string, { queue }: BacktestsWorld): Promise<Job> {
  return eventually(
    async () => {
      expect(await queue.getJobState(id)).toBe(state);
      const job = await queue.getJob(id);
      if (job === undefined) throw new Error(`job ${id} is gone`);
      return job;
    },
    { withinMs: 15_000 },
  );
}

/** The reports whose backtest has come to an end. */
export function endsOf(events: ReadonlyArray<Recorded<BacktestReport>>): Array<Recorded<BacktestReport>> {
  return events.filter(({ data }) => data.status !== 'running');
}

/** What holds for every backtest, whatever happened to its workers: numbers and progress rise, and it ends once. */
export function expectOneStory(events: ReadonlyArray<Recorded<BacktestReport>>): void {
  const steps = events.slice(1).map((event, index) => ({ before: events[index], event }));
  for (const { before, event } of steps) {
    expect(before).toBeDefined();
    if (before?.epoch === event.epoch) expect(event.seq).toBeGreaterThan(before?.seq ?? 0);
    if (event.data.status === 'running') {
      expect(event.data.completed_days).toBeGreaterThan(before?.data.completed_days ?? 0);
    }
    expect(event.data.completed_days).toBeGreaterThanOrEqual(before?.data.completed_days ?? 0);
    expect(event.data.progress).toBeGreaterThanOrEqual(before?.data.progress ?? 0);
  }
  expect(endsOf(events)).toHaveLength(1);
  expect(events.at(-1)).toBe(endsOf(events)[0]);
}

/** What comes of a backtest that nothing happens to. */
export async function undisturbed({
  data,
  symbol,
  from,
  to,
  strategy,
  params,
}: BacktestRequest): Promise<BacktestSummary> {
  const backtest = startBacktest({ bars: await readDailyBars(SAMPLES + data, symbol, from, to), strategy, params });
  while (!backtest.done) backtest.step();
  return backtest.summary();
}
