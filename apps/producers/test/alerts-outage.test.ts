import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { eventually, seededRandom } from '@tickcast/testing';
import {
  type AlertsWorld,
  openAlertsWorld,
  type RaisedAlert,
  readFlips,
  startFlipping,
  termsOf,
  untilWatched,
} from './support/alerts.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const SYMBOL = '0700.HK';
const STALE_SECONDS = 5;

const worlds: AlertsWorld[] = [];

afterAll(() => Promise.all(worlds.map((world) => world.close())));

/** A world with one worker, which watches. */
async function startWatched(): Promise<{ world: AlertsWorld; worker: WorkerProcess }> {
  const world = await openAlertsWorld([
    { name: 'memory', type: 'agent_memory', percent: 95, cooldown_seconds: 0 },
    { name: 'flip', type: 'agent_memory', percent: 90, cooldown_seconds: 0 },
    { name: 'quiet', type: 'stale_feed', symbols: [SYMBOL], seconds: STALE_SECONDS, cooldown_seconds: 0 },
  ]);
  worlds.push(world);
  const worker = await world.startWorker('watcher');
  await untilWatched(world);
  return { world, worker };
}

async function untilStates(world: AlertsWorld, box: string, count: number): Promise<string[]> {
  await eventually(async () => (await world.states('memory', box)).length >= count, { withinMs: 15_000 });
  return world.states('memory', box);
}

test.concurrent(
  'Redis away for 20 s in the middle of an episode: nothing is told twice, its end is told, and silence counts from when Redis was back',
  async () => {
    const { world, worker } = await startWatched();
    await world.agent('paused', 'running', 97);
    await world.quote(SYMBOL, 1);
    await untilStates(world, 'paused', 1);
    const before = termsOf(worker);
    // Redis has the same clock here.
    const pausedAt = Date.now() / 1000;
    world.server.pause();
    await sleep(20_000);
    const resumedAt = Date.now() / 1000;
    world.server.resume();
    await eventually(() => termsOf(worker) > before, { withinMs: 15_000 });
    await untilWatched(world);
    expect(await world.states('memory', 'paused')).toEqual(['firing']);
    await world.agent('paused', 'running', 5);
    expect(await untilStates(world, 'paused', 2)).toEqual(['firing', 'resolved']);

    // Nobody could publish before.
    const isNew = ({ state, timestamp }: RaisedAlert): boolean => state === 'firing' && timestamp > pausedAt;
    await eventually(async () => (await world.alerts('quiet', SYMBOL)).some(isNew), { withinMs: 15_000 });
    const alert = (await world.alerts('quiet', SYMBOL)).find(isNew);
    expect(alert?.timestamp).toBeGreaterThanOrEqual(resumedAt + STALE_SECONDS);
    expect(alert?.value).toBeLessThan(20);
  },
  90_000,
);

test.concurrent(
  'Redis hangs at random moments, for less and for longer than the lease: each alert follows the one before it',
  async () => {
    const { world } = await startWatched();
    const seed = Date.now() % 1_000_000;
    const random = seededRandom(seed);
    const flipping = startFlipping(world, random);
    for (const hangMs of [300, 1500, 4000, 8000]) {
      await untilWatched(world, 20_000);
      await sleep(random() * 1500);
      world.server.pause();
      await sleep(hangMs);
      world.server.resume();
    }
    await untilWatched(world, 20_000);
    await flipping.stop();
    for (const { box, told, inTurn } of await readFlips(world, flipping.boxes)) {
      expect({ seed, box, told }).toEqual({ seed, box, told: inTurn });
      expect(told.length).toBeGreaterThan(0);
    }
  },
  120_000,
);

test.concurrent(
  'Redis restarted with its data: the episode goes on',
  async () => {
    const { world } = await startWatched();
    await world.agent('restarted', 'running', 97);
    await untilStates(world, 'restarted', 1);
    await world.server.restart({ keepData: true });
    await eventually(() => world.redis.status === 'ready', { withinMs: 10_000 });
    await untilWatched(world);
    expect(await world.states('memory', 'restarted')).toEqual(['firing']);
    await world.agent('restarted', 'running', 5);
    expect(await untilStates(world, 'restarted', 2)).toEqual(['firing', 'resolved']);
  },
  60_000,
);

test.concurrent(
  'Redis that comes back empty: watching goes on',
  async () => {
    const { world } = await startWatched();
    await world.server.restart({ keepData: false });
    await eventually(() => world.redis.status === 'ready', { withinMs: 10_000 });
    await eventually(() => world.agent('emptied', 'running', 97), { withinMs: 15_000 });
    expect(await untilStates(world, 'emptied', 1)).toEqual(['firing']);
  },
  60_000,
);
