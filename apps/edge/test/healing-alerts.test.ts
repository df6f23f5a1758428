/** SPEC 3: alerts that Pub/Sub loses on the way to a node reach all of its clients all the same, in order, once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import { type TestClient, eventually } from '@tickcast/testing';
import { type Cluster, forgetClusters } from './support/cluster.ts';
import { alert } from './support/frames.ts';
import {
  ALERTS,
  SUBSCRIBE_ALERTS,
  alertWatchers,
  epochOf,
  guest,
  loseEvents,
  publishAlerts,
  startFaultyWorld,
  told,
  trimLog,
} from './support/recovery-world.ts';
import { alertWith, firstDifference, run, storyOf } from './support/story.ts';

afterAll(forgetClusters);

/** A lost last event: looked for every 3 s, after a second look 1 s later. */
const NOTICED_MS = 8000;

test.concurrent.each([
  { which: 'the first of an epoch', lost: [1], of: 3 },
  { which: 'one in the middle', lost: [3], of: 5 },
  { which: 'several in a row', lost: [2, 3, 4], of: 6 },
  { which: 'every other one', lost: [1, 3, 5, 7], of: 8 },
  { which: 'the last', lost: [5], of: 5 },
  { which: 'all', lost: [1, 2, 3], of: 3 },
])('lost on the way: $which; every client of the node gets all, in order, once', async ({ lost, of }) => {
  const world = await startFaultyWorld();
  const { optedIn, seed } = await alertWatchers(world);
  loseEvents(world.proxy, lost);
  await publishAlerts(world.cluster, of);
  const epoch = await epochOf(world.cluster);
  expect(await told(optedIn, 1 + of, [epoch], NOTICED_MS)).toEqual([
    expect.stringMatching(/^subscribed .* 0$/),
    ...run(1, of),
  ]);
  expect(await told(seed, of)).toEqual(run(1, of));
  expect(world.proxy.dropped).toBe(lost.length);
  // Nothing comes twice when the events that were late are behind it.
  await publishAlerts(world.cluster, 1);
  for (const client of [optedIn, seed]) await client.next(alertWith(of + 1));
  expect(storyOf(optedIn).slice(1)).toEqual(run(1, of + 1));
  expect(storyOf(seed)).toEqual(run(1, of + 1));
  expect(messages(seed)).toEqual([...Array.from({ length: of }, (_, index) => `${index + 1}`), '1']);
});

test.concurrent(
  'alerts lost while the subscriber is being cut come once it is back, before those after them',
  async () => {
    const world = await startFaultyWorld();
    const { optedIn, seed } = await alertWatchers(world);
    await publishAlerts(world.cluster, 1);
    await optedIn.next(alertWith(1));
    loseEvents(world.proxy, [2, 3, 5, 7]);
    await publishAlerts(world.cluster, 3);
    const killed = world.cluster.redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await publishAlerts(world.cluster, 3);
    await killed;
    await publishAlerts(world.cluster, 3);
    const all = run(1, 10);
    await eventually(() => pushes(optedIn).length === all.length, { withinMs: NOTICED_MS });
    expect(pushes(optedIn)).toEqual(all);
    expect(await told(seed, all.length)).toEqual(all);
  },
);

test.concurrent('a subscriber cut again and again in a burst of alerts costs no client any of them', async () => {
  const world = await startFaultyWorld();
  const { optedIn, seed } = await alertWatchers(world);
  for (let round = 1; round <= 5; round++) {
    const burst = publishAlerts(world.cluster, 300);
    await world.cluster.redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await burst;
    await sleep(50 * round);
  }
  const all = run(1, 1500);
  await eventually(() => pushes(optedIn).length >= all.length, { withinMs: 10_000 });
  await eventually(() => pushes(seed).length >= all.length);
  expect(firstDifference(pushes(optedIn), all)).toBeNull();
  expect(firstDifference(storyOf(seed), all)).toBeNull();
});

test.concurrent(
  'what the log has lost meanwhile is declared: by a gap to clients that opted in, by lost to the others',
  async () => {
    const world = await startFaultyWorld();
    const { optedIn, seed } = await alertWatchers(world);
    await publishAlerts(world.cluster, 1);
    loseEvents(world.proxy, [2, 3, 4, 5]);
    await publishAlerts(world.cluster, 4);
    await trimLog(world.cluster, 1);
    await publishAlerts(world.cluster, 1);
    const epoch = await epochOf(world.cluster);
    expect(await told(optedIn, 5, [epoch])).toEqual([expect.any(String), '1', 'gap e1 2..4', '5', '6']);
    expect(await told(seed, 3)).toEqual(['1', '5 lost:3', '6']);
  },
);

test.concurrent(
  'where Redis is there but can not be read, the gap says that subscribing again may still bring what is missing, and it does',
  async () => {
    const world = await startFaultyWorld();
    const { optedIn, seed } = await alertWatchers(world);
    await publishAlerts(world.cluster, 1);
    await world.cluster.redis.cli('ACL', 'SETUSER', 'default', '-fcall_ro');
    loseEvents(world.proxy, [2, 3]);
    await publishAlerts(world.cluster, 3);
    const epoch = await epochOf(world.cluster);
    expect(await told(optedIn, 4, [epoch], 10_000)).toEqual([expect.any(String), '1', 'gap e1 2..3 recoverable', '4']);
    expect(await told(seed, 2)).toEqual(['1', '4 lost:2']);
    await world.cluster.redis.cli('ACL', 'SETUSER', 'default', '+fcall_ro');
    await optedIn.request({ ...SUBSCRIBE_ALERTS, since: { epoch, seq: 1 } });
    await publishAlerts(world.cluster, 1);
    const again = ['subscribed e1 4 recovered', ...run(2, 4, 'recovered'), '5'];
    expect((await told(optedIn, 9, [epoch])).slice(4)).toEqual(again);
  },
);

test.concurrent(
  'alerts that are only late are nobody’s gap, and come in order',
  async () => {
    const world = await startFaultyWorld();
    const { optedIn, seed } = await alertWatchers(world);
    world.proxy.shape({ latencyMs: 200, jitterMs: 200 }, 'to-client');
    for (let round = 0; round < 20; round++) {
      await publishAlerts(world.cluster, 20);
      await sleep(200);
    }
    const all = run(1, 400);
    await eventually(() => pushes(optedIn).length >= all.length);
    await eventually(() => pushes(seed).length >= all.length);
    expect(pushes(optedIn)).toEqual(all);
    expect(storyOf(seed)).toEqual(all);
  },
  30_000,
);

test.concurrent(
  'a client that subscribes while its node heals a hole sees no alert twice and misses none',
  async () => {
    const world = await startFaultyWorld();
    const { optedIn } = await alertWatchers(world);
    await publishAlerts(world.cluster, 3);
    await optedIn.next(alertWith(3));
    const epoch = await epochOf(world.cluster);
    loseEvents(world.proxy, [5, 6, 9]);
    const burst = publishOneByOne(world.cluster, 10);
    const comers: Array<{ client: TestClient; from: number | null }> = [];
    for (let seq = 0; seq < 8; seq++) {
      const client = await guest(world.edge);
      const from = seq % 2 === 0 ? seq / 2 : null;
      const reply = await client.request({
        ...SUBSCRIBE_ALERTS,
        ...(from === null ? {} : { since: { epoch, seq: from } }),
      });
      comers.push({ client, from: from ?? Number(reply['seq']) });
    }
    await burst;
    await publishAlerts(world.cluster, 1);
    for (const { client, from } of comers) {
      await client.next(alertWith(14));
      expect(pushes(client).map((line) => Number(line.split(' ')[0]))).toEqual(run(Number(from) + 1, 14).map(Number));
      expect(client.received('gap')).toEqual([]);
    }
  },
);

async function publishOneByOne({ publisher }: Cluster, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await publisher.publish(ALERTS, JSON.stringify(alert(`one by one ${index}`)));
    await sleep(40);
  }
}

function pushes(client: TestClient): string[] {
  return storyOf(client).filter((line) => /^\d/.test(line));
}

function messages(client: TestClient): unknown[] {
  return client.received('alerts').map(({ data }) => (data as { message: string }).message);
}
