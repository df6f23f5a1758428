import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, type FaultContext, expectNotice, expectRefusals } from './fault.ts';
import { FRESH_SYMBOL } from './publishers.ts';

const DOWN_MS = 5000;
const STOPPED_MS = 20_000;
const NOTICED_WITHIN_MS = 5000;
const RESTORED_WITHIN_MS = 3000;

/** Redis itself goes away, and comes back with all, some or none of its data. */
export const REDIS_FAULTS: readonly Fault[] = [
  {
    name: 'redis-restart',
    about: 'Redis is killed, is down for 5 s, and comes back with its data',
    part: 'redis',
    run: (context) => outage(context, () => undefined),
  },
  {
    name: 'redis-rollback',
    about: 'Redis is killed, is down for 5 s, and comes back with a copy of its data that is some seconds old',
    part: 'redis',
    losesData: true,
    async run(context) {
      const { redis, seating } = context.world;
      const [data, copy] = [join(redis.directory, 'appendonlydir'), join(redis.directory, 'copy')];
      rmSync(copy, { recursive: true, force: true });
      cpSync(data, copy, { recursive: true });
      await sleep(2000 + context.random() * 3000);
      const pardon = seating.excuse('away');
      await outage(context, () => {
        rmSync(data, { recursive: true });
        cpSync(copy, data, { recursive: true });
      });
      pardon();
    },
  },
  {
    name: 'redis-empty',
    about: 'Redis is killed, is down for 5 s, and comes back empty',
    part: 'redis',
    losesData: true,
    async run(context) {
      const { redis, seating } = context.world;
      const pardon = seating.excuse('away');
      await outage(context, () => rmSync(join(redis.directory, 'appendonlydir'), { recursive: true }));
      pardon();
    },
  },
  {
    name: 'redis-flush',
    about: 'FLUSHALL',
    part: 'redis',
    losesData: true,
    async run({ world }) {
      const pardon = world.seating.excuse('away');
      await world.redis.cli('FLUSHALL');
      await sleep(5000);
      pardon();
    },
  },
  {
    name: 'redis-stop',
    about:
      'Redis is stopped for 20 s: noticed within 5 s, newcomers refused within 1 s, clients served 3 s after its return',
    part: 'redis',
    async run(context) {
      const { world } = context;
      const since = performance.now();
      world.redis.pause();
      await expectNotice(context, world.nodes, 'degraded', since, NOTICED_WITHIN_MS);
      await sleep(Math.max(0, since + STOPPED_MS - performance.now()));
      await expectRefusals(context, since);
      const back = performance.now();
      world.redis.resume();
      await expectNotice(context, world.nodes, 'restored', back, RESTORED_WITHIN_MS);
    },
  },
  {
    name: 'redis-restart-fresh',
    about: 'Redis restarts before the first event of a stream that has clients, and again after it',
    part: 'redis',
    async run(context) {
      const { publishers } = context.world;
      for (let times = 0; times < 2; times++) {
        await outage(context, () => undefined);
        await publishers.connected();
        await publishers.burst(`market_data:${FRESH_SYMBOL}`, 3);
      }
    },
  },
  {
    name: 'redis-hiccups',
    about: 'Redis is stopped for moments too short to notice, and long enough to',
    part: 'redis',
    async run({ world, random }) {
      for (let times = 0; times < 3; times++) {
        world.redis.pause();
        await sleep(200 + random() * 3000);
        world.redis.resume();
        await sleep(500 + random() * 1500);
      }
    },
  },
];

async function outage(context: FaultContext, meanwhile: () => void): Promise<void> {
  const { world } = context;
  const since = performance.now();
  await world.redis.kill();
  meanwhile();
  await expectNotice(context, world.nodes, 'degraded', since, NOTICED_WITHIN_MS);
  await sleep(Math.max(0, since + DOWN_MS - performance.now()));
  await expectRefusals(context, since);
  await world.redis.start();
  await expectNotice(context, world.nodes, 'restored', performance.now(), RESTORED_WITHIN_MS);
}
