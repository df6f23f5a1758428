/** The sample backtest that runs again and again, so that there is something to watch. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import { scheduleSampleBacktest } from '../src/backtests/sample.ts';
import { type BacktestsWorld, endsOf, expectOneStory, jobThatIs, startBacktestsWorld } from './support/backtests.ts';

const EVERY_SECONDS = 4;

let world: BacktestsWorld;

beforeAll(async () => {
  world = await startBacktestsWorld();
}, 30_000);

afterAll(() => world.end());

test('each run is a backtest of its own, and lasts most of the time until the next', async () => {
  await world.startWorker('worker-a', { TICKCAST_SAMPLE_BACKTEST_SECONDS: String(EVERY_SECONDS) });
  const ends = await eventually(
    () => {
      const found = endsOf(world.published.events);
      expect(found.length).toBeGreaterThan(1);
      return found;
    },
    { withinMs: 25_000 },
  );
  const keys = ends.map(({ key }) => String(key));
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) {
    expect(key).toMatch(/^bt_sample_\d{13}$/);
    const events = world.published.of(key);
    expectOneStory(events);
    expect(events.at(-1)?.data).toMatchObject({ status: 'completed', total_days: 780 });
    // By the worker's clock: when it took the job, and when it was done with it.
    const job = await jobThatIs('completed', key.replace(/^bt_sample_/, 'repeat:sample:'), world);
    expect((job.finishedOn ?? 0) - (job.processedOn ?? 0)).toBeGreaterThan(EVERY_SECONDS * 1000 * 0.75);
  }
  expect((await world.backtests.list()).map(({ id }) => id)).toEqual(expect.arrayContaining(keys));
}, 40_000);

test('a running one can be cancelled by its id, and a schedule of 0 seconds ends them', async () => {
  const { backtests, published, queue } = world;
  const running = await eventually(
    async () => {
      // One that has just ended may still be listed as active, and one that soon will may end before it is cancelled.
      const isYoung = (id: string) =>
        published.of(id).length > 0 && (published.of(id).at(-1)?.data.progress ?? 1) < 0.5;
      const entry = (await backtests.list()).find(({ id, state }) => state === 'active' && isYoung(id));
      if (entry === undefined) throw new Error('none runs');
      return entry;
    },
    { withinMs: 10_000 },
  );
  expect(await backtests.cancel(running.id)).toBe('stopping');
  await eventually(() => endsOf(published.of(running.id)).length > 0);
  expect(published.of(running.id).at(-1)?.data.status).toBe('cancelled');

  await scheduleSampleBacktest(queue, EVERY_SECONDS);
  expect(await queue.getJobSchedulersCount()).toBe(1);
  await scheduleSampleBacktest(queue, 0);
  expect(await queue.getJobSchedulersCount()).toBe(0);
  await eventually(
    async () =>
      expect(await queue.getJobCounts('wait', 'delayed', 'active')).toEqual({ wait: 0, delayed: 0, active: 0 }),
    {
      withinMs: 10_000,
    },
  );
});
