/** Backtests that are cancelled at any moment: before a worker has them, while it takes them, at their end. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, seededRandom } from '@tickcast/testing';
import { type BacktestsWorld, endsOf, expectOneStory, requestOf, startBacktestsWorld } from './support/backtests.ts';

const SEED = Date.now() % 1_000_000;
const BACKTESTS = 60;

let world: BacktestsWorld;

beforeAll(async () => {
  world = await startBacktestsWorld();
  await Promise.all(['a', 'b'].map((name) => world.startWorker(name, { TICKCAST_BACKTEST_CONCURRENCY: '3' })));
}, 30_000);

afterAll(() => world.end());

test(`${BACKTESTS} backtests cancelled at random moments, each by two at once (seed ${SEED}): each has one end, which is true`, async () => {
  const { backtests, published, queue } = world;
  const random = seededRandom(SEED);
  const cancelSoon = async (id: string, afterMs: number): Promise<string> => {
    await sleep(afterMs);
    return backtests.cancel(id).catch((error: Error & { code: string }) => error.code);
  };
  const stories = await Promise.all(
    Array.from({ length: BACKTESTS }, async (_, index) => {
      await sleep(index * 50);
      // Some last 0.5 s, some are over at once.
      const id = await backtests.submit(requestOf(random() < 0.7 ? { days_per_second: 520 } : {}));
      return { id, answers: await Promise.all([cancelSoon(id, random() * 800), cancelSoon(id, random() * 800)]) };
    }),
  );
  await eventually(() => stories.every(({ id }) => endsOf(published.of(id)).length > 0), { withinMs: 20_000 });
  await eventually(async () => expect(await queue.getJobCounts('wait', 'active')).toEqual({ wait: 0, active: 0 }), {
    withinMs: 20_000,
  });
  for (const { id, answers } of stories) {
    const events = published.of(id);
    expectOneStory(events);
    expect(possibleEnds(answers)).toContain(events.at(-1)?.data.status);
  }
  const ends = stories.map(({ id }) => published.of(id).at(-1)?.data.status);
  expect(new Set(ends)).toEqual(new Set(['cancelled', 'completed']));
}, 60_000);

/** 'stopping' may come too late for one that is about to complete. */
function possibleEnds(answers: readonly string[]): string[] {
  if (answers.includes('cancelled')) return ['cancelled'];
  return answers.includes('stopping') ? ['cancelled', 'completed'] : ['completed'];
}
