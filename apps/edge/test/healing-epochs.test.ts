/** SPEC 3: numberings that ended while a node missed events of them: what the log has is delivered, each end is declared. */
import { afterAll, expect, test } from '@jest/globals';
import { type TestClient, eventually, startRedis } from '@tickcast/testing';
import { forgetClusters } from './support/cluster.ts';
import {
  ALERTS,
  SUBSCRIBE_ALERTS,
  type FaultyWorld,
  alertWatchers,
  epochOf,
  guest,
  loseEvents,
  publishAlerts,
  startFaultyWorld,
} from './support/recovery-world.ts';
import { storyOf } from './support/story.ts';

afterAll(forgetClusters);

interface Watched extends FaultyWorld {
  optedIn: TestClient;
  seed: TestClient;
  /** In their order. */
  epochs: string[];
}

/** @param args of the Redis */
async function startWatched(...args: string[]): Promise<Watched> {
  const world = await startFaultyWorld({ redis: await startRedis({ args }) });
  return { ...world, ...(await alertWatchers(world)), epochs: [] };
}

async function publish({ cluster, epochs }: Watched, count: number): Promise<void> {
  await publishAlerts(cluster, count);
  const epoch = await epochOf(cluster, ALERTS);
  if (!epochs.includes(epoch)) epochs.push(epoch);
}

async function restart({ cluster, optedIn }: Watched, keepData: boolean): Promise<void> {
  const restored = () => optedIn.received(({ state }) => state === 'restored').length;
  const before = restored();
  await cluster.redis.restart({ keepData });
  await eventually(() => cluster.commands.status === 'ready');
  await eventually(() => restored() > before, { withinMs: 10_000 });
}

/** Pushes and gaps, once there are so many. */
async function heard(client: TestClient, lines: number, { epochs }: Watched): Promise<string[]> {
  const story = () => storyOf(client, epochs).filter((line) => /^\d|^gap/.test(line));
  await eventually(() => story().length >= lines, { withinMs: 8000 }).catch(() => undefined);
  return story();
}

test.concurrent(
  'the last alerts of an epoch, lost before Redis was restarted, come before those of the next',
  async () => {
    const world = await startWatched('--appendonly', 'yes');
    loseEvents(world.proxy, [2, 3]);
    await publish(world, 3);
    await restart(world, true);
    await publish(world, 2);
    expect(await heard(world.optedIn, 6, world)).toEqual(['1', '2', '3', 'gap e1 4..?', '1', '2']);
    expect(await heard(world.seed, 5, world)).toEqual(['1', '2', '3', '1 lost:null', '2']);
  },
  40_000,
);

test.concurrent(
  'an epoch of which a node heard nothing at all is delivered from the log, between the ends of both',
  async () => {
    const world = await startWatched('--appendonly', 'yes');
    await publish(world, 2);
    await heard(world.optedIn, 2, world);
    await restart(world, true);
    world.proxy.dropMessages((_, payload) => payload.toString('latin1', 0, 3) === 'T1 ');
    await publish(world, 2);
    await restart(world, true);
    world.proxy.heal();
    await publish(world, 1);
    expect(await heard(world.optedIn, 7, world)).toEqual(['1', '2', 'gap e1 3..?', '1', '2', 'gap e2 3..?', '1']);
    expect(await heard(world.seed, 5, world)).toEqual(['1', '2', '1 lost:null', '2', '1 lost:null']);
  },
  40_000,
);

test.concurrent(
  'a Redis that comes back empty begins a new epoch, and what the node had not got is declared without an end',
  async () => {
    const world = await startWatched();
    const late = await guest(world.edge);
    loseEvents(world.proxy, [3]);
    await publish(world, 3);
    await restart(world, false);
    // The nodes bring the Function back.
    await eventually(() => publish(world, 1), { withinMs: 10_000 });
    await publish(world, 1);
    expect(await heard(world.optedIn, 5, world)).toEqual(['1', '2', 'gap e1 3..?', '1', '2']);
    expect(await heard(world.seed, 4, world)).toEqual(['1', '2', '1 lost:null', '2']);
    await late.request({ ...SUBSCRIBE_ALERTS, since: { epoch: world.epochs[0], seq: 2 } });
    const story = ['subscribed e2 2', 'gap e1 3..?', '1 recovered', '2 recovered'];
    await eventually(() => storyOf(late, world.epochs).slice(-story.length).join() === story.join()).catch(
      () => undefined,
    );
    expect(storyOf(late, world.epochs).slice(-story.length)).toEqual(story);
  },
  40_000,
);
