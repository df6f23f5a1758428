/** Workers that are killed, at any moment: each backtest goes on elsewhere, tells one story and ends once. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BacktestReport } from '@tickcast/jobs';
import { eventually, seededRandom } from '@tickcast/testing';
import {
  type BacktestsWorld,
  endsOf,
  expectOneStory,
  requestOf,
  startBacktestsWorld,
  undisturbed,
} from './support/backtests.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const SEED = Date.now() % 1_000_000;
const KILLS = 20;
const WORKERS = 5;
/** A backtest lasts 2 s so. */
const DAYS_PER_SECOND = 130;
/** A report comes so often. */
const REPORT_MS = 100;

let world: BacktestsWorld;
/** Those that were killed too. Each does one backtest at a time: who is killed for one does not take others along. */
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  world = await startBacktestsWorld();
}, 30_000);

afterAll(() => world.end());

async function startWorker(): Promise<void> {
  workers.push(await world.startWorker(`worker-${workers.length}`, { TICKCAST_LOG_LEVEL: 'debug' }));
}

/** Waits until a worker has a job, and answers which one. */
function takerOf(id: string): Promise<WorkerProcess> {
  const isTaking = (line: string): boolean => line.includes('"took a job"') && line.includes(`"${id}"`);
  return eventually(
    () => {
      const taker = workers.find(({ process }) => process.running && process.lines().some(isTaking));
      if (taker === undefined) throw new Error(`no worker has ${id}`);
      return taker;
    },
    { withinMs: 40_000 },
  );
}

test(`${KILLS} backtests, each killed at a random moment of its life (seed ${SEED}): one end each, no number twice, and the result of one that nothing happened to`, async () => {
  const random = seededRandom(SEED);
  await Promise.all(Array.from({ length: WORKERS }, startWorker));
  const requests = new Map<string, ReturnType<typeof requestOf>>();
  const hit: string[] = [];
  const restarts: Array<Promise<void>> = [];

  /** Kills the worker of a backtest while it has it: a backtest that was over by then is followed by another one. */
  async function killOne(index: number): Promise<void> {
    const request = requestOf({ days_per_second: DAYS_PER_SECOND, params: { fast: 2 + index, slow: 30 + index } });
    // Every fifth as soon as it is taken.
    const day = index % 5 === 0 ? -1 : Math.floor(random() * 235);
    const afterMs = day < 0 ? 0 : random() * REPORT_MS;
    const id = `bt_killed_${requests.size}_x`;
    requests.set(id, request);
    await world.backtests.submit(request, id);
    const { process } = await takerOf(id);
    const isThere = ({ data }: { data: BacktestReport }) => data.completed_days >= day || data.status !== 'running';
    await eventually(() => day < 0 || world.published.of(id).some(isThere), { withinMs: 30_000 });
    await sleep(afterMs);
    if (process.running) restarts.push(process.kill().then(startWorker));
    await process.exited;
    if ((await world.queue.getJobState(id)) === 'completed') return killOne(index);
    hit.push(id);
  }

  await Promise.all(Array.from({ length: KILLS }, (_, index) => killOne(index)));
  await Promise.all(restarts);
  expect(hit).toHaveLength(KILLS);
  await eventually(() => [...requests.keys()].every((id) => endsOf(world.published.of(id)).length > 0), {
    withinMs: 40_000,
  });
  for (const [id, request] of requests) {
    const events = world.published.of(id);
    expectOneStory(events);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)?.data).toMatchObject({ status: 'completed', result: await undisturbed(request) });
  }
  // Who had ended it may have been killed before it could say so to the queue; a second end would have come by then.
  await eventually(
    async () =>
      expect(await world.queue.getJobCounts('wait', 'active', 'completed')).toMatchObject({
        wait: 0,
        active: 0,
        completed: requests.size,
      }),
    { withinMs: 20_000 },
  );
  const jobs = await Promise.all(hit.map((id) => world.queue.getJob(id)));
  // Each of them was in the hands of a worker that died.
  expect(jobs.filter((job) => (job?.stalledCounter ?? 0) > 0)).toHaveLength(KILLS);
  for (const id of requests.keys()) expect(endsOf(world.published.of(id))).toHaveLength(1);
  expect(await world.redis.cli('EXISTS', 'tickcast:{jobs}:dead-letters:wait')).toBe('0');
}, 90_000);
