/** SPEC 3: `since` on the streams of which the newest event counts: it is sent with what it stands for, unless that hides something. */
import { afterAll, expect, test } from '@jest/globals';
import type { StreamId } from '@tickcast/protocol';
import { type EdgeProcess, eventually, startRedis } from '@tickcast/testing';
import { type Cluster, forgetClusters, startCluster } from './support/cluster.ts';
import { agentStatus, backtestProgress, marketData } from './support/frames.ts';
import {
  epochOf,
  guest,
  loseEvents,
  seedGuest,
  startEdgeBeside,
  startFaultyWorld,
  subscribeAsSeed,
  told,
} from './support/recovery-world.ts';
import { storyOf } from './support/story.ts';

interface Kind {
  channel: StreamId['channel'];
  frame: (key: string, status: string) => object;
  asked: (key: string) => object;
}

const QUOTES: Kind = {
  channel: 'market_data',
  frame: (key) => marketData(key),
  asked: (symbol) => ({ channel: 'market_data', symbol }),
};
const AGENTS: Kind = {
  channel: 'agent_status',
  frame: (key, status) => agentStatus(key, status),
  asked: (agent_id) => ({ channel: 'agent_status', params: { agent_id } }),
};
const BACKTESTS: Kind = {
  channel: 'backtest_progress',
  frame(key, status) {
    const { data, ...rest } = backtestProgress(key) as { data: object };
    return { ...rest, data: { ...data, status } };
  },
  asked: (backtest_id) => ({ channel: 'backtest_progress', params: { backtest_id } }),
};

/** A node finds out by itself what it has missed, a second after it first looked. */
const BY_ITSELF_MS = 1000;
/** So long, and a little longer, a node keeps a second quote of one second. */
const HELD_MS = 950;

/** Node 0 holds the streams while they are published to; node 1 hears of them from Redis alone. */
let sharedCluster: Promise<Cluster> | null = null;
let keys = 0;

afterAll(forgetClusters);

/** For the tests with keys of their own. Not in `beforeAll`, for which concurrent tests don't wait. */
function shared(): Promise<Cluster> {
  sharedCluster ??= startCluster({ edges: 2, env: { TICKCAST_MARKET_DATA_MAX_RATE: '1000' } });
  return sharedCluster;
}

interface Case {
  what: string;
  kind: Kind;
  statuses: string[];
  since: number;
  recovered: boolean;
  /** Between the answer and the snapshot. */
  between: string[];
}

const R = 'running';

test.concurrent.each<Case>([
  { what: 'a quote: nothing missed', kind: QUOTES, statuses: [R, R], since: 2, recovered: true, between: [] },
  { what: 'a quote: one missed', kind: QUOTES, statuses: [R, R], since: 1, recovered: true, between: ['2 recovered'] },
  {
    what: 'quotes: some missed',
    kind: QUOTES,
    statuses: [R, R, R, R, R],
    since: 2,
    recovered: true,
    between: ['5 conflated:2 recovered'],
  },
  {
    what: 'quotes: all missed',
    kind: QUOTES,
    statuses: [R, R, R],
    since: 0,
    recovered: true,
    between: ['3 conflated:2 recovered'],
  },
  { what: 'a backtest: nothing missed', kind: BACKTESTS, statuses: [R, R], since: 2, recovered: true, between: [] },
  {
    what: 'a backtest: progress and its end missed',
    kind: BACKTESTS,
    statuses: [R, R, R, 'completed'],
    since: 1,
    recovered: true,
    between: ['4 conflated:2 recovered'],
  },
  {
    what: 'a backtest: its end missed, and that it began anew',
    kind: BACKTESTS,
    statuses: [R, R, 'failed', R, R],
    since: 2,
    recovered: false,
    between: ['gap e1 3..5'],
  },
  {
    what: 'a backtest: progress since it began anew missed',
    kind: BACKTESTS,
    statuses: [R, 'failed', R, R, R],
    since: 3,
    recovered: true,
    between: ['5 conflated:1 recovered'],
  },
  { what: 'an agent: nothing missed', kind: AGENTS, statuses: [R, R], since: 2, recovered: true, between: [] },
  {
    what: 'an agent: refreshes missed',
    kind: AGENTS,
    statuses: [R, R, R, R],
    since: 1,
    recovered: true,
    between: ['4 conflated:2 recovered'],
  },
  {
    what: 'an agent: one change of status missed, which the last value shows',
    kind: AGENTS,
    statuses: [R, R, 'error', 'error'],
    since: 1,
    recovered: true,
    between: ['4 conflated:2 recovered'],
  },
  {
    what: 'an agent: a change of status missed that the last value hides',
    kind: AGENTS,
    statuses: [R, 'error', R, R],
    since: 1,
    recovered: false,
    between: ['gap e1 2..4'],
  },
  {
    what: 'an agent: a hidden change of status that was not missed',
    kind: AGENTS,
    statuses: [R, 'error', R, R],
    since: 2,
    recovered: true,
    between: ['4 conflated:1 recovered'],
  },
])('$what; the answer is the same on a node that saw it all and on one that saw nothing', async (one) => {
  const { kind, statuses, since, recovered, between } = one;
  const cluster = await shared();
  const key = `${kind === QUOTES ? 'Q' : 'k'}${++keys}`;
  const id = { channel: kind.channel, key };
  const subscribe = { type: 'subscribe', ...kind.asked(key) };
  const witness = await guest(cluster.edge(0));
  await witness.request(subscribe);
  await publish(cluster, kind, key, statuses);
  await told(witness, 1 + statuses.length);
  const epoch = await epochOf(cluster, id);
  const last = statuses.length;
  const comers = await Promise.all([0, 1].map(async (edge) => guest(cluster.edge(edge))));
  const seed = await seedGuest(cluster.edge(0));
  for (const client of comers) await client.request({ ...subscribe, since: { epoch, seq: since } });
  await subscribeAsSeed(seed, { ...subscribe, since: { epoch, seq: since } });
  await publish(cluster, kind, key, [R]);
  const story = [
    `subscribed e1 ${last}${recovered ? ' recovered' : ''}`,
    ...between,
    `${last} snapshot`,
    `${last + 1}`,
  ];
  for (const client of comers) expect(await told(client, story.length, [epoch])).toEqual(story);
  const pushes = between.filter((line) => !line.startsWith('gap'));
  const lost = recovered ? '' : ` lost:${last - since}`;
  const seedStory = [...pushes, `${last} snapshot`, `${last + 1}${lost}`];
  expect(await told(seed, seedStory.length)).toEqual(seedStory);
  for (const client of [...comers, seed, witness]) await client.close();
});

test.concurrent.each([QUOTES, AGENTS, BACKTESTS])(
  'an unknown epoch of $channel is declared without an end, and the snapshot follows as always',
  async (kind) => {
    const cluster = await shared();
    const key = `${kind === QUOTES ? 'Q' : 'k'}${++keys}`;
    await publish(cluster, kind, key, [R, R]);
    const subscribe = { type: 'subscribe', ...kind.asked(key) };
    for (const unknown of ['nonsense', '1600000000000000-00000a', '9999999999999999-00000a']) {
      const [client, seed] = [await guest(cluster.edge(0)), await seedGuest(cluster.edge(0))];
      const since = { epoch: unknown, seq: 7 };
      const before = Number((await client.request({ ...subscribe, since }))['seq']);
      await subscribeAsSeed(seed, { ...subscribe, since });
      await publish(cluster, kind, key, [R]);
      const epoch = await epochOf(cluster, { channel: kind.channel, key });
      const story = [`subscribed e1 ${before}`, 'gap e2 8..?', `${before} snapshot`, `${before + 1}`];
      expect(await told(client, story.length, [epoch, unknown])).toEqual(story);
      expect(await told(seed, 2)).toEqual([`${before} snapshot`, `${before + 1} lost:null`]);
      for (const one of [client, seed]) await one.close();
    }
  },
);

test.concurrent.each([QUOTES, AGENTS, BACKTESTS])(
  'over a restart of Redis what $channel had in the epoch before is declared, and the snapshot is of the new one',
  async (kind) => {
    const own = await startCluster({ redis: await startRedis({ args: ['--appendonly', 'yes'] }) });
    const [client, seed] = [await guest(own.edge(0)), await seedGuest(own.edge(0))];
    const id = { channel: kind.channel, key: 'A' };
    const subscribe = { type: 'subscribe', ...kind.asked('A') };
    await publish(own, kind, 'A', [R, R, R]);
    const first = await epochOf(own, id);
    await own.redis.restart({ keepData: true });
    await eventually(() => own.commands.status === 'ready');
    await eventually(() => storyOf(client).includes('status restored'));
    await publish(own, kind, 'A', [R]);
    const second = await epochOf(own, id);
    await client.request({ ...subscribe, since: { epoch: first, seq: 2 } });
    await subscribeAsSeed(seed, { ...subscribe, since: { epoch: first, seq: 2 } });
    await publish(own, kind, 'A', [R]);
    expect((await told(client, 6, [first, second])).slice(2)).toEqual([
      'subscribed e2 1',
      'gap e1 3..?',
      '1 snapshot',
      '2',
    ]);
    expect(await told(seed, 2)).toEqual(['1 snapshot', '2 lost:null']);
  },
  30_000,
);

test.concurrent.each([QUOTES, AGENTS, BACKTESTS])(
  'a client that has newer events of $channel than the node it comes to gets no older value, and only what is newer',
  async (kind) => {
    const { cluster: own, edge, proxy } = await startFaultyWorld({ env: { TICKCAST_MARKET_DATA_MAX_RATE: '1000' } });
    const came = await inTime(BY_ITSELF_MS, async (key) => {
      const subscribe = { type: 'subscribe', ...kind.asked(key) };
      const [behind, seed] = [await guest(edge), await seedGuest(edge)];
      const [equal, partly, beyond] = [await guest(edge), await guest(edge), await guest(edge)];
      await behind.request(subscribe);
      await publish(own, kind, key, [R]);
      await told(behind, 2);
      const dropped = proxy.dropped + 3;
      loseEvents(proxy, [2, 3, 4], key);
      const startedAt = performance.now();
      await publish(own, kind, key, [R, R, R]);
      await eventually(() => proxy.dropped === dropped);
      const epoch = await epochOf(own, { channel: kind.channel, key });
      expect(await equal.request({ ...subscribe, since: { epoch, seq: 4 } })).toMatchObject({ recovered: true });
      expect(await partly.request({ ...subscribe, since: { epoch, seq: 3 } })).toMatchObject({ recovered: true });
      await subscribeAsSeed(seed, { ...subscribe, since: { epoch, seq: 3 } });
      // One that the node never had, nor Redis.
      expect(await beyond.request({ ...subscribe, since: { epoch, seq: 9 } })).toMatchObject({ recovered: false });
      await publish(own, kind, key, [R]);
      return { startedAt, epoch, behind, equal, partly, beyond, seed };
    });
    const { epoch, behind, equal, partly, beyond, seed } = came;
    expect((await told(behind, 3)).slice(1)).toEqual(['1', '5 conflated:3']);
    expect((await told(equal, 2)).slice(1)).toEqual(['5']);
    expect((await told(partly, 2)).slice(1)).toEqual(['5 conflated:1']);
    expect(await told(seed, 1)).toEqual(['5 conflated:1']);
    expect(beyond.received('gap')).toMatchObject([{ epoch, from: 10, to: null }]);
  },
);

test.concurrent(
  'a client ahead of its node in one agent gets the events of all others once, as they come',
  async () => {
    const { cluster: own, edge, proxy } = await startFaultyWorld();
    const { client, agent } = await inTime(BY_ITSELF_MS, async (key) => {
      const one = await guest(edge);
      await one.request({ type: 'subscribe', channel: 'agent_status' });
      await publish(own, AGENTS, key, [R]);
      await eventually(() => storyOf(one, [], key).includes('1'));
      const dropped = proxy.dropped + 1;
      loseEvents(proxy, [2], key);
      const startedAt = performance.now();
      await publish(own, AGENTS, key, [R]);
      await eventually(() => proxy.dropped === dropped);
      const epoch = await epochOf(own, { channel: 'agent_status', key });
      const ahead = { type: 'subscribe', ...AGENTS.asked(key), since: { epoch, seq: 2 } };
      expect(await one.request(ahead)).toMatchObject({ recovered: true });
      return { startedAt, client: one, agent: key };
    });
    await publish(own, AGENTS, 'B', [R, R, 'error']);
    await publish(own, AGENTS, agent, ['error']);
    await publish(own, AGENTS, 'B', [R]);
    const lines = (key: string) => storyOf(client, [], key).filter((line) => !line.startsWith('subscribed'));
    await eventually(() => lines('B').length === 4);
    expect(lines('B')).toEqual(['1', '2', '3', '4']);
    expect(lines(agent)).toEqual(['1', '3']);
  },
);

test.concurrent(
  'a quote that a node holds back for its pace is not missed or doubled by a client that had it elsewhere',
  async () => {
    const own = await startCluster({ env: { TICKCAST_MARKET_DATA_MAX_RATE: '1' } });
    const [slow, quick]: [EdgeProcess, EdgeProcess] = [own.edge(0), await startEdgeBeside(own)];
    const came = await inTime(HELD_MS, async (key) => {
      const subscribe = { type: 'subscribe', ...QUOTES.asked(key) };
      const [held, moving] = [await guest(slow), await guest(quick)];
      const [has3, has4] = [await guest(slow), await guest(slow)];
      for (const client of [held, moving]) await client.request(subscribe);
      const startedAt = performance.now();
      await publish(own, QUOTES, key, [R]);
      await told(held, 2);
      for (let seq = 2; seq <= 4; seq++) {
        await publish(own, QUOTES, key, [R]);
        await told(moving, seq + 1);
        await new Promise((resolve) => setTimeout(resolve, 110));
      }
      const epoch = await epochOf(own, { channel: 'market_data', key });
      expect(await has3.request({ ...subscribe, since: { epoch, seq: 3 } })).toMatchObject({ recovered: true });
      expect(await has4.request({ ...subscribe, since: { epoch, seq: 4 } })).toMatchObject({ recovered: true });
      return { startedAt, key, held, has3, has4 };
    });
    const { key, held, has3, has4 } = came;
    expect((await told(held, 3)).slice(1)).toEqual(['1', '4 conflated:2']);
    await publish(own, QUOTES, key, [R]);
    expect((await told(held, 4)).slice(1)).toEqual(['1', '4 conflated:2', '5']);
    expect((await told(has3, 3)).slice(1)).toEqual(['4', '5']);
    expect((await told(has4, 2)).slice(1)).toEqual(['5']);
  },
);

test.concurrent('since with symbols, or where a subscription covers many streams, is refused as invalid', async () => {
  const client = await guest((await shared()).edge(0));
  const since = { epoch: 'e', seq: 1 };
  for (const subscription of [
    { channel: 'market_data', symbols: ['A', 'B'] },
    { channel: 'agent_status' },
    { channel: 'backtest_progress' },
  ]) {
    expect(await client.request({ type: 'subscribe', ...subscription, since })).toMatchObject({
      type: 'error',
      error: 'invalid_parameters',
    });
  }
});

/** What is to be done before a node does something by itself; where the machine took longer, again with another key. */
async function inTime<T extends { startedAt: number }>(ms: number, attempt: (key: string) => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    const result = await attempt(`A${count}`);
    if (performance.now() - result.startedAt < ms) return result;
  }
}

/** One after the other, so that a quick node delivers each. */
async function publish({ publisher }: Cluster, kind: Kind, key: string, statuses: readonly string[]): Promise<void> {
  for (const status of statuses) {
    await publisher.publish({ channel: kind.channel, key }, JSON.stringify(kind.frame(key, status)));
  }
}
