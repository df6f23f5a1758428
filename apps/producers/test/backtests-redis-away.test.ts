/** A backtest that is under way while Redis is not there. */
import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type RedisServer } from '@tickcast/testing';
import { endsOf, expectOneStory, requestOf, startBacktestsWorld, undisturbed } from './support/backtests.ts';

const AWAY_MS = 20_000;
/** What was published it still has when it was killed in the next moment. */
const KEEPS_ALL = ['--appendonly', 'yes', '--appendfsync', 'always'];

interface Outage {
  name: string;
  happen(redis: RedisServer): Promise<void>;
}

const OUTAGES: Outage[] = [
  {
    name: 'hangs for 20 s',
    async happen(redis) {
      redis.pause();
      await sleep(AWAY_MS);
      redis.resume();
    },
  },
  {
    name: 'is killed, and back with its data 20 s later',
    async happen(redis) {
      await redis.kill();
      await sleep(AWAY_MS);
      await redis.start();
    },
  },
  {
    name: 'is restarted with its data',
    happen: (redis) => redis.restart({ keepData: true }),
  },
];

test.concurrent.each(OUTAGES)(
  'a backtest goes on by itself when Redis $name: nothing is published twice, and it ends once',
  async ({ happen }) => {
    const world = await startBacktestsWorld(KEEPS_ALL);
    try {
      const workers = await Promise.all(['first', 'second'].map((agentId) => world.startWorker(agentId)));
      const request = requestOf({ days_per_second: 20 });
      const id = await world.backtests.submit(request);
      await eventually(() => world.published.of(id).length > 10, { withinMs: 15_000 });
      await happen(world.redis);
      await eventually(() => endsOf(world.published.of(id)).length > 0, { withinMs: 60_000 });
      const events = world.published.of(id);
      expectOneStory(events);
      expect(events.at(-1)?.data).toMatchObject({ status: 'completed', result: await undisturbed(request) });
      // The seconds without Redis do not fill the log.
      for (const worker of workers) expect(worker.process.lines().length).toBeLessThan(40);
      await eventually(async () => expect(await world.queue.getJobCounts('active')).toEqual({ active: 0 }), {
        withinMs: 20_000,
      });
      expect(endsOf(world.published.of(id))).toHaveLength(1);
    } finally {
      await world.end();
    }
  },
  120_000,
);

test.concurrent(
  'a worker that is told to stop while Redis hangs ends in time, and its backtest goes on elsewhere',
  async () => {
    const world = await startBacktestsWorld(KEEPS_ALL);
    try {
      const worker = await world.startWorker('first');
      const request = requestOf({ days_per_second: 40 });
      const id = await world.backtests.submit(request);
      await eventually(() => world.published.of(id).length > 10, { withinMs: 15_000 });
      world.redis.pause();
      const askedAt = performance.now();
      expect((await worker.process.stop(20_000)).signal).toBeNull();
      expect(performance.now() - askedAt).toBeLessThan(12_000);
      world.redis.resume();
      await world.startWorker('second');
      await eventually(() => endsOf(world.published.of(id)).length > 0, { withinMs: 30_000 });
      expectOneStory(world.published.of(id));
    } finally {
      await world.end();
    }
  },
  90_000,
);
