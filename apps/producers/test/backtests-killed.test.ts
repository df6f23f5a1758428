/** Workers that are killed, at any moment: each backtest goes on elsewhere, tells one story and ends once. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
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
const BACKTESTS = 20;
const KILLS = 20;
const KILLED_FOR_MS = 14_000;

let world: BacktestsWorld;

beforeAll(async () => {
  world = await startBacktestsWorld();
}, 30_000);

afterAll(() => world.end());

test(`${BACKTESTS} backtests whose workers are killed at ${KILLS} random moments (seed ${SEED}): one end each, no number twice, and the result of one that nothing happened to`, async () => {
  const random = seededRandom(SEED);
  const start = (slot: number, generation: number): Promise<WorkerProcess> =>
    world.startWorker(`worker-${slot}-${generation}`, { TICKCAST_BACKTEST_CONCURRENCY: '8' });
  const workers = await Promise.all([0, 1, 2].map((slot) => start(slot, 0)));

  // Some at their beginning and some at their end, at any moment; the last few as fast as they go.
  const requests = new Map<string, ReturnType<typeof requestOf>>();
  const submitting = (async () => {
    for (let index = 0; index < BACKTESTS; index += 1) {
      const pace = index % 5 === 4 ? {} : { days_per_second: 30 + Math.round(random() * 60) };
      const request = requestOf({ ...pace, params: { fast: 2 + index, slow: 30 + index } });
      requests.set(await world.backtests.submit(request, `bt_killed_${index}_x`), request);
      await sleep((KILLED_FOR_MS * 0.7) / BACKTESTS);
    }
  })();

  const startedAt = performance.now();
  const moments = Array.from({ length: KILLS }, () => random() * KILLED_FOR_MS).toSorted((a, b) => a - b);
  let restarts: Promise<unknown> = Promise.resolve();
  for (const [index, moment] of moments.entries()) {
    await sleep(Math.max(0, startedAt + moment - performance.now()));
    const slot = Math.floor(random() * workers.length);
    const victim = workers[slot];
    if (victim?.process.running !== true) await restarts;
    await workers[slot]?.process.kill();
    restarts = Promise.all([restarts, start(slot, index + 1).then((worker) => (workers[slot] = worker))]);
  }
  await Promise.all([submitting, restarts]);

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
        completed: BACKTESTS,
      }),
    { withinMs: 20_000 },
  );
  const jobs = await Promise.all([...requests.keys()].map((id) => world.queue.getJob(id)));
  expect(jobs.filter((job) => (job?.stalledCounter ?? 0) > 0).length).toBeGreaterThan(BACKTESTS / 4);
  for (const id of requests.keys()) expect(endsOf(world.published.of(id))).toHaveLength(1);
  expect(await world.redis.cli('EXISTS', 'tickcast:{jobs}:dead-letters:wait')).toBe('0');
}, 90_000);
