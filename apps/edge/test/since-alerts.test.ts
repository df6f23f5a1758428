/** SPEC 3: a client that says which alert it had last gets all later ones, in order, once, and is told of those that are gone. */
import { afterAll, expect, test } from '@jest/globals';
import { type TestClient, eventually, startRedis } from '@tickcast/testing';
import { forgetClusters, startCluster } from './support/cluster.ts';
import {
  epochOf,
  guest,
  loseEvents,
  publishAlerts,
  seedGuest,
  startEdgeBeside,
  startFaultyWorld,
  subscribeAsSeed,
  told,
  trimLog,
} from './support/recovery-world.ts';
import { alertWith, firstDifference, run, storyOf } from './support/story.ts';

afterAll(forgetClusters);

const subscribe = { type: 'subscribe', channel: 'alerts' };
const since = (epoch: string, seq: number) => ({ ...subscribe, since: { epoch, seq } });

test.concurrent(
  'nothing, something or all of an epoch was missed: just that is replayed in order, marked recovered, and live alerts follow without the mark',
  async () => {
    const cluster = await startCluster();
    await publishAlerts(cluster, 3);
    const epoch = await epochOf(cluster);
    const clients = await Promise.all([3, 2, 1, 0].map(async (seq) => ({ seq, client: await guest(cluster.edge(0)) })));
    for (const { seq, client } of clients) await client.request(since(epoch, seq));
    await publishAlerts(cluster, 2);
    for (const { seq, client } of clients) {
      const story = ['subscribed e1 3 recovered', ...run(seq + 1, 3, 'recovered'), '4', '5'];
      expect(await told(client, story.length, [epoch])).toEqual(story);
    }
  },
);

test.concurrent('what another node replays are the same bytes, but for the mark', async () => {
  const cluster = await startCluster({ edges: 2 });
  const stayed = await guest(cluster.edge(0));
  const moved = await guest(cluster.edge(0));
  for (const client of [stayed, moved]) await client.request(subscribe);
  await publishAlerts(cluster, 2);
  await moved.next(alertWith(2));
  const epoch = await epochOf(cluster);
  await moved.close();
  await publishAlerts(cluster, 3);
  const back = await guest(cluster.edge(1));
  await back.request(since(epoch, 2));
  await publishAlerts(cluster, 1);
  expect(await told(back, 5, [epoch])).toEqual(['subscribed e1 5 recovered', ...run(3, 5, 'recovered'), '6']);
  await eventually(() => texts(stayed).length === 6);
  expect(texts(back).map((text) => text.replace('"recovered":true,', ''))).toEqual(texts(stayed).slice(2));
});

test.concurrent('a client that did not opt in gets the missed alerts too, and nothing but pushes', async () => {
  const cluster = await startCluster();
  await publishAlerts(cluster, 4);
  const client = await seedGuest(cluster.edge(0));
  await subscribeAsSeed(client, since(await epochOf(cluster), 2));
  await publishAlerts(cluster, 1);
  expect(await told(client, 3)).toEqual(['3 recovered', '4 recovered', '5']);
});

test.concurrent(
  'of a log that no longer goes back so far the rest is replayed behind a gap, or behind lost for a client that did not opt in',
  async () => {
    const cluster = await startCluster();
    await publishAlerts(cluster, 10);
    await trimLog(cluster, 3);
    const epoch = await epochOf(cluster);
    const told1 = async (seq: number) => {
      const client = await guest(cluster.edge(0));
      await client.request(since(epoch, seq));
      await client.request({ type: 'ping' });
      return client;
    };
    const [whole, lacksOne, lacksMany] = [await told1(7), await told1(6), await told1(0)];
    const seed = await seedGuest(cluster.edge(0));
    await subscribeAsSeed(seed, since(epoch, 1));
    await publishAlerts(cluster, 1);
    const rest = [...run(8, 10, 'recovered'), '11'];
    expect(await told(whole, 5, [epoch])).toEqual(['subscribed e1 10 recovered', ...rest]);
    expect(await told(lacksOne, 6, [epoch])).toEqual(['subscribed e1 10', 'gap e1 7..7', ...rest]);
    expect(await told(lacksMany, 6, [epoch])).toEqual(['subscribed e1 10', 'gap e1 1..7', ...rest]);
    expect(await told(seed, 4)).toEqual(['8 lost:6 recovered', '9 recovered', '10 recovered', '11']);
  },
);

test.concurrent('of a log that is empty all is declared, and the next alert follows', async () => {
  const cluster = await startCluster();
  await publishAlerts(cluster, 5);
  await trimLog(cluster, 0);
  const epoch = await epochOf(cluster);
  const [client, seed] = [await guest(cluster.edge(0)), await seedGuest(cluster.edge(0))];
  await client.request(since(epoch, 2));
  await subscribeAsSeed(seed, since(epoch, 2));
  await publishAlerts(cluster, 2);
  expect(await told(client, 4, [epoch])).toEqual(['subscribed e1 5', 'gap e1 3..5', '6', '7']);
  expect(await told(seed, 2)).toEqual(['6 lost:3', '7']);
});

test.concurrent(
  'the last 10,000 alerts are replayed, and those before them declared',
  async () => {
    const cluster = await startCluster();
    for (let round = 0; round < 5; round++) await publishAlerts(cluster, 2010);
    const epoch = await epochOf(cluster);
    const client = await guest(cluster.edge(0));
    await client.request(since(epoch, 20));
    await client.next(alertWith(10_050), 15_000);
    const story = storyOf(client, [epoch]);
    expect(story.slice(0, 3)).toEqual(['subscribed e1 10050', 'gap e1 21..50', '51 recovered']);
    expect(firstDifference(story.slice(2), run(51, 10_050, 'recovered'))).toBeNull();
  },
  60_000,
);

test.concurrent(
  'over a restart of Redis both epochs are replayed, with a gap to the unknown end of the first',
  async () => {
    const cluster = await startCluster({ redis: await startRedis({ args: ['--appendonly', 'yes'] }) });
    const stayed = await guest(cluster.edge(0));
    // It comes to a node that holds alerts, and stayed's epoch with them; early to a node that never did.
    const [early, late] = [await guest(cluster.edge(0)), await guest(cluster.edge(0))];
    await stayed.request(subscribe);
    await publishAlerts(cluster, 3);
    const first = await epochOf(cluster);
    await cluster.redis.restart({ keepData: true });
    await eventually(() => cluster.commands.status === 'ready');
    await eventually(() => [stayed, early, late].every((client) => storyOf(client).includes('status restored')));
    await publishAlerts(cluster, 2);
    const second = await epochOf(cluster);
    expect(second).not.toBe(first);
    await early.request(since(first, 1));
    await late.request(since(first, 3));
    await publishAlerts(cluster, 1);
    const epochs = [first, second];
    const renewed = ['gap e1 4..?', '1 recovered', '2 recovered', '3'];
    const outage = ['status degraded', 'status restored'];
    expect(await told(stayed, 10, epochs)).toEqual([
      'subscribed e1 0',
      ...run(1, 3),
      ...outage,
      'gap e1 4..?',
      ...run(1, 3),
    ]);
    expect(await told(early, 9, epochs)).toEqual([
      ...outage,
      'subscribed e2 2 recovered',
      '2 recovered',
      '3 recovered',
      ...renewed,
    ]);
    expect(await told(late, 7, epochs)).toEqual([...outage, 'subscribed e2 2 recovered', ...renewed]);
  },
  60_000,
);

test.concurrent.each([
  ['that can be none', 'nonsense'],
  ['from before all that the log has', '1600000000000000-00000a'],
  ['from after all that the log has', '9999999999999999-00000a'],
])('an epoch %s is not recovered: a gap without an end, and the next alert follows', async (_, unknown) => {
  const cluster = await startCluster();
  await publishAlerts(cluster, 3);
  const epoch = await epochOf(cluster);
  const [client, seed] = [await guest(cluster.edge(0)), await seedGuest(cluster.edge(0))];
  const reply = await client.request(since(unknown, 5));
  expect(reply).toMatchObject({ epoch, seq: 3, recovered: false });
  await subscribeAsSeed(seed, since(unknown, 5));
  await publishAlerts(cluster, 1);
  for (const one of [client, seed]) await one.next(alertWith(4));
  const replayed = unknown.startsWith('16') ? run(1, 3, 'recovered') : [];
  expect(storyOf(client, [epoch, unknown])).toEqual(['subscribed e1 3', 'gap e2 6..?', ...replayed, '4']);
  const [first = '4', ...rest] = [...replayed, '4'];
  expect(storyOf(seed)).toEqual([first.replace(/^\d+/, '$& lost:null'), ...rest]);
});

test.concurrent('a number that Redis never gave is not recovered, and hides none of those that follow', async () => {
  const cluster = await startCluster();
  await publishAlerts(cluster, 3);
  const epoch = await epochOf(cluster);
  const [client, seed] = [await guest(cluster.edge(0)), await seedGuest(cluster.edge(0))];
  await client.request(since(epoch, 100));
  await subscribeAsSeed(seed, since(epoch, 100));
  await publishAlerts(cluster, 2);
  expect(await told(client, 4, [epoch])).toEqual(['subscribed e1 3', 'gap e1 101..?', '4', '5']);
  expect(await told(seed, 2)).toEqual(['4 lost:null', '5']);
});

test.concurrent(
  'a client that has alerts which its new node has not got yet gets none of them again, there or when the node has caught up',
  async () => {
    const { cluster, proxy, edge } = await startFaultyWorld();
    const behind = await guest(edge);
    const ahead = await guest(await startEdgeBeside(cluster));
    for (const client of [behind, ahead]) await client.request(subscribe);
    loseEvents(proxy, [2, 3]);
    await publishAlerts(cluster, 3);
    await ahead.next(alertWith(3));
    await eventually(() => proxy.dropped === 2);
    const epoch = await epochOf(cluster);
    const [equal, partly] = [await guest(edge), await guest(edge)];
    expect(await equal.request(since(epoch, 3))).toMatchObject({ recovered: true });
    expect(await partly.request(since(epoch, 2))).toMatchObject({ recovered: true });
    await publishAlerts(cluster, 1);
    expect(await told(behind, 5, [epoch])).toEqual(['subscribed e1 0', ...run(1, 4)]);
    expect((await told(equal, 2)).slice(1)).toEqual(['4']);
    expect((await told(partly, 3)).slice(1)).toEqual(['3 recovered', '4']);
  },
);

function texts(client: TestClient): string[] {
  return client.frames.filter(({ frame }) => frame.type === 'alerts').map(({ text }) => text);
}
