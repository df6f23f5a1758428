/** SPEC 3, 4: what may not be merged reaches a slow client whole, or the client is told to come again and gets the rest. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from '@jest/globals';
import type { StreamId } from '@tickcast/protocol';
import { type TestClient, eventually, startRedis } from '@tickcast/testing';
import { breaks, eventsIn } from './support/arrivals.ts';
import { type Cluster, forgetClusters, startCluster, takeSeat } from './support/cluster.ts';
import { agentStatus, alert, marketData } from './support/frames.ts';
import {
  ALERTS,
  epochOf,
  guest,
  loseEvents,
  publishAlerts,
  seedGuest,
  startFaultyWorld,
  subscribeAsSeed,
} from './support/recovery-world.ts';
import { behindLink } from './support/slow-reader.ts';
import { alertWith, firstDifference, run, storyOf } from './support/story.ts';

const env = { TICKCAST_MAX_BUFFERED_BYTES: '262144', TICKCAST_IDLE_TIMEOUT_SECONDS: '120' };
const LARGE = 'x'.repeat(60_000);
/** Slowly enough that a client that reads has read it. */
const STEP_MS = 25;

afterAll(forgetClusters);

const QUOTE: StreamId = { channel: 'market_data', key: 'S' };
const AGENT: StreamId = { channel: 'agent_status', key: 'a' };

interface Flood {
  what: string;
  subscription: object;
  publish: (cluster: Cluster, index: number) => Promise<unknown>;
}

const FLOODS: Flood[] = [
  {
    what: 'alerts',
    subscription: { channel: 'alerts' },
    publish: ({ publisher }, index) => publisher.publish(ALERTS, JSON.stringify(alert(`${index} ${LARGE}`))),
  },
  {
    what: 'alerts outside numbering',
    subscription: { channel: 'alerts' },
    publish: ({ publisher }, index) => publisher.publishRaw(ALERTS, JSON.stringify(alert(`${index} ${LARGE}`))),
  },
  {
    what: 'changes of status',
    subscription: { channel: 'agent_status' },
    publish: ({ publisher }, index) => publisher.publish(AGENT, padded(agentStatus('a', `state-${index % 2}`))),
  },
];

test.concurrent.each(FLOODS)(
  'a client that reads none of so many $what that they do not fit is told slow_consumer and closed 4410, without a hole before; who reads notices nothing',
  async ({ subscription, publish }) => {
    const cluster = await startCluster({ env });
    const [slow, quick] = [await guest(cluster.edge(0)), await guest(cluster.edge(0))];
    for (const client of [slow, quick]) await client.request({ type: 'subscribe', ...subscription });
    slow.socket.pause();
    let published = 0;
    const connected = async () => (await cluster.edge(0).admin('/connz')).body.match(/"sub"/g)?.length;
    while ((await connected()) === 2 && published < 600) {
      await publish(cluster, published++);
      await sleep(STEP_MS);
    }
    slow.socket.resume();
    expect(await slow.closed).toMatchObject({ code: 4410 });
    expect(slow.frames.at(-1)?.frame).toMatchObject({ type: 'error', error: 'slow_consumer' });
    const texts = (client: TestClient) =>
      client.frames.flatMap(({ frame, text }) => (frame['data'] === undefined ? [] : [text]));
    await eventually(() => texts(quick).length === published);
    expect(firstDifference(texts(slow), texts(quick).slice(0, texts(slow).length))).toBeNull();
    expect(texts(slow).length).toBeGreaterThan(0);
    expect(quick.received('error')).toEqual([]);
  },
  60_000,
);

test.concurrent(
  'a client closed 4410 comes back to its seat, and since brings what it has not got, once, while alerts go on',
  async () => {
    const cluster = await startCluster({ env });
    const { client: slow, seat } = await takeSeat(cluster.edge(0), { sub: 'slow' });
    await slow.request({ type: 'subscribe', channel: 'alerts' });
    slow.socket.pause();
    let last = 0;
    const publishing = (async () => {
      while (last < 220) {
        last = await cluster.publisher.publish(ALERTS, JSON.stringify(alert(`${last + 1} ${LARGE}`)));
        await sleep(STEP_MS);
      }
    })();
    await eventually(async () => !(await cluster.edge(0).admin('/connz')).body.includes('"sub"'), { withinMs: 20_000 });
    slow.socket.resume();
    expect(await slow.closed).toMatchObject({ code: 4410 });
    const first = slow.received('alerts').map(({ seq }) => Number(seq));
    const epoch = await epochOf(cluster);
    const back = await takeSeat(cluster.edge(0), { sub: 'slow', seat });
    expect(back.seat).toBe(seat);
    const since = { epoch, seq: first.length };
    expect(await back.client.request({ type: 'subscribe', channel: 'alerts', since })).toMatchObject({
      recovered: true,
    });
    await publishing;
    await back.client.next(alertWith(last), 10_000);
    const second = back.client.received('alerts').map(({ seq }) => Number(seq));
    expect([...first, ...second]).toEqual(run(1, last).map(Number));
    expect(messages(back.client)).toEqual(second.map(String));
  },
  60_000,
);

test.concurrent(
  'a replay and hot quotes on one narrow link: every alert in order, every quote accounted for, and the client stays',
  async () => {
    const cluster = await startCluster({ env });
    await publishAlerts(cluster, 150, 'x'.repeat(30_000));
    const epoch = await epochOf(cluster);
    const { client, link } = await behindLink(cluster.edge(0), 3_000_000);
    const symbols = Array.from({ length: 5 }, (_, index) => `R${index}`);
    await client.request({ type: 'subscribe', channel: 'market_data', symbols });
    await client.request({ type: 'subscribe', channel: 'alerts', since: { epoch, seq: 0 } }, 10_000);
    const rounds = 20;
    for (let round = 1; round <= rounds; round++) {
      for (const symbol of symbols)
        await cluster.publisher.publish({ ...QUOTE, key: symbol }, padded(marketData(symbol)));
      await cluster.publisher.publish(ALERTS, JSON.stringify(alert(`live ${round}`)));
      await sleep(120);
    }
    link.shape({});
    await client.next(alertWith(150 + rounds), 15_000);
    expect(client.received('alerts').map(({ seq }) => seq)).toEqual(run(1, 150 + rounds).map(Number));
    for (const symbol of symbols) {
      const got = () => client.received((frame) => frame['symbol'] === symbol && frame['snapshot'] !== true);
      await eventually(() => eventsIn(got()) === rounds);
      expect(breaks(got(), 0)).toEqual([]);
    }
    expect(client.received('error')).toEqual([]);
  },
  60_000,
);

test.concurrent(
  'over a restart of Redis what waited for a slow client is declared with the end of its epoch, and the newest value follows',
  async () => {
    const cluster = await startCluster({ env, redis: await startRedis({ args: ['--appendonly', 'yes'] }) });
    const [slow, seed] = [await guest(cluster.edge(0)), await seedGuest(cluster.edge(0))];
    const symbols = Array.from({ length: 20 }, (_, index) => `E${index}`);
    const publishRound = async () => {
      await Promise.all(
        symbols.map((symbol) => cluster.publisher.publish({ ...QUOTE, key: symbol }, padded(marketData(symbol)))),
      );
      await sleep(120);
    };
    await slow.request({ type: 'subscribe', channel: 'market_data', symbols });
    await subscribeAsSeed(seed, { channel: 'market_data', symbols });
    for (const client of [slow, seed]) client.socket.pause();
    for (let round = 0; round < 10; round++) await publishRound();
    const first = await epochOf(cluster, { ...QUOTE, key: 'E0' });
    await cluster.redis.restart({ keepData: true });
    await eventually(() => cluster.commands.status === 'ready');
    await eventually(async () => /^tickcast_redis_up 1$/m.test((await cluster.edge(0).admin('/metrics')).body));
    for (let round = 0; round < 3; round++) await publishRound();
    const epochOfSymbol = new Map<string, string>();
    for (const symbol of symbols) epochOfSymbol.set(symbol, await epochOf(cluster, { ...QUOTE, key: symbol }));
    for (const client of [slow, seed]) client.socket.resume();
    const lines = (client: TestClient, symbol: string) =>
      storyOf(client, [first], symbol)
        .filter((line) => !line.startsWith('subscribed'))
        .map((line) => line.replace(/gap \S+/, 'gap'));
    let declared = 0;
    for (const symbol of symbols) {
      await eventually(() => lines(slow, symbol).at(-1) === '3 conflated:2', { withinMs: 10_000 });
      await eventually(() => lines(seed, symbol).at(-1) === '3 conflated:2 lost:null', { withinMs: 10_000 });
      const before = lines(slow, symbol).slice(0, -2);
      const delivered = lastOfUnbroken(before);
      expect(lines(slow, symbol).at(-2)).toBe(`gap ${delivered + 1}..?`);
      lastOfUnbroken(lines(seed, symbol).slice(0, -1));
      declared += 10 - delivered;
    }
    expect(declared).toBeGreaterThan(0);
  },
  60_000,
);

test.concurrent(
  'a slow client that did not opt in is told by lost of what its node lost meanwhile',
  async () => {
    const { cluster, edge, proxy } = await startFaultyWorld({ env });
    const slow = await seedGuest(edge);
    await subscribeAsSeed(slow, { channel: 'agent_status' });
    slow.socket.pause();
    const statuses = [...Array.from({ length: 150 }, () => 'running'), 'paused', 'error', 'error', 'error'];
    loseEvents(proxy, [151], 'a');
    const publishing: Array<Promise<number>> = [];
    for (const [index, status] of statuses.entries()) {
      publishing.push(cluster.publisher.publish(AGENT, padded(agentStatus('a', status))));
      // The next is on the heels of what is lost: left alone, a node finds that by itself.
      if (index + 1 === 151) continue;
      await Promise.all(publishing.splice(0));
      await sleep(STEP_MS);
    }
    slow.socket.resume();
    const pushes = () => slow.received('agent_status');
    await eventually(() => pushes().at(-1)?.['seq'] === statuses.length, { withinMs: 10_000 });
    expect(
      slow.frames.map(({ frame }) => frame.type).filter((type) => type !== 'pong' && type !== 'agent_status'),
    ).toEqual([]);
    const lost = pushes().reduce((sum, frame) => sum + Number(frame['lost'] ?? 0), 0);
    expect(lost).toBe(1);
    expect(eventsIn(pushes()) + lost).toBe(statuses.length);
    expect(pushes().length).toBeLessThan(statuses.length);
  },
  60_000,
);

function padded(frame: object): string {
  const { data, ...rest } = frame as { data: object };
  return JSON.stringify({ ...rest, data: { ...data, padding: LARGE } });
}

/** The first words of the alerts' messages. */
function messages(client: TestClient): string[] {
  return client.received('alerts').map(({ data }) => (data as { message: string }).message.split(' ')[0] ?? '');
}

/** The last number of a story in which each push goes on where the one before ended; a busy node may have merged some. */
function lastOfUnbroken(story: readonly string[]): number {
  let last = 0;
  for (const line of story) {
    const [, seq, conflated = 0] = /^(\d+)(?: conflated:(\d+))?$/.exec(line) ?? [];
    expect(`${line} after ${Number(seq) - Number(conflated) - 1}`).toBe(`${line} after ${last}`);
    last = Number(seq);
  }
  return last;
}
