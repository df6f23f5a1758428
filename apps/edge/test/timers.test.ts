/** SPEC 5, with its default times: idle clients, listeners, and peers that are gone without a word. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestClient, eventually } from '@tickcast/testing';
import { type Cluster, type Guest, forgetClusters, startCluster, takeSeat } from './support/cluster.ts';
import { marketData } from './support/frames.ts';
import { type Stopwatch, startStopwatch } from './support/stopwatch.ts';

/** Longer than any idle or silent client may stay. */
const PAST_EVERY_LIMIT_MS = 36_000;
const SYMBOL = '0700.HK';

let cluster: Cluster;
let source: NodeJS.Timeout;

beforeAll(async () => {
  cluster = await startCluster();
  source = setInterval(() => {
    const published = cluster.publisher.publish(
      { channel: 'market_data', key: SYMBOL },
      JSON.stringify(marketData(SYMBOL)),
    );
    // The last one may find its connection closed.
    published.catch(() => undefined);
  }, 4000);
}, 30_000);
afterAll(() => {
  clearInterval(source);
  forgetClusters();
});

test.concurrent(
  'a client that sends nothing and subscribed to nothing is told idle_timeout and closed 4408 between 30 and 33 s',
  async () => {
    const cameAt = performance.now();
    const { client } = await takeSeat(cluster.edge(0), { sub: 'idle' });
    const silence = startStopwatch();
    const { code, at } = await client.closed;
    expect(code).toBe(4408);
    expect(client.received('error')).toMatchObject([{ error: 'idle_timeout' }]);
    expect(at - cameAt).toBeGreaterThan(30_000);
    expect(silence.stop()).toBeLessThan(33_000);
  },
  60_000,
);

test.concurrent(
  'a subscriber of a stream on which nothing happens is as idle as one without a subscription',
  async () => {
    const { client } = await takeSeat(cluster.edge(0), { sub: 'quiet' });
    const askedAt = performance.now();
    await client.request({ type: 'subscribe', channel: 'market_data', symbol: 'QUIET' });
    const silence = startStopwatch();
    const { code, at } = await client.closed;
    expect(code).toBe(4408);
    expect(at - askedAt).toBeGreaterThan(30_000 - 50);
    expect(silence.stop()).toBeLessThan(33_000);
  },
  60_000,
);

test.concurrent(
  'a client that only listens stays open as long as it gets pushes',
  async () => {
    const { client } = await takeSeat(cluster.edge(0), { sub: 'listener' });
    await client.request({ type: 'subscribe', channel: 'market_data', symbol: SYMBOL });
    await expectOpenFor(client, PAST_EVERY_LIMIT_MS);
    expect(client.received('market_data').length).toBeGreaterThan(5);
  },
  60_000,
);

test.concurrent.each<[string, (client: TestClient) => void]>([
  ['WebSocket pings', ({ socket }) => socket.ping()],
  ['ping messages', (client) => client.send({ type: 'ping' })],
  ['messages that are refused', (client) => client.send('not even JSON')],
])(
  'a client that sends nothing but %s stays open',
  async (_what, send) => {
    const { client } = await takeSeat(cluster.edge(0), { sub: 'pinger' });
    const sending = setInterval(() => send(client), 20_000);
    await expectOpenFor(client, PAST_EVERY_LIMIT_MS);
    clearInterval(sending);
  },
  60_000,
);

test.concurrent(
  'the server pings every 10 s, and cuts a peer that answers nothing within 34 s, pushes or not; its seat is free 16 s later',
  async () => {
    const cameAt = performance.now();
    const guest = await takeSeat(cluster.edge(0), { sub: 'half-open', autoPong: false });
    const { client } = guest;
    const watch = startStopwatch();
    const pings: Array<{ at: number; ms: number }> = [];
    client.socket.on('ping', () => pings.push({ at: performance.now(), ms: watch.ms() }));
    const askedAt = performance.now();
    await client.request({ type: 'subscribe', channel: 'market_data', symbol: SYMBOL });
    const silentMs = watch.ms();

    const { code, at: cutAt } = await client.closed;
    const sinceCut = startStopwatch();
    expect(code).toBe(1006);
    expect(cutAt - askedAt).toBeGreaterThan(29_900);
    expect(watch.stop() - silentMs).toBeLessThan(34_000);
    expect(client.received('market_data').length).toBeGreaterThan(5);
    expect(pings.length).toBeGreaterThanOrEqual(2);
    for (const [index, { at, ms }] of pings.entries()) {
      // Counted from the beginning: one that was heard late is followed by the next the sooner.
      expect(at - cameAt).toBeGreaterThan(8500 * (index + 1));
      expect(ms - (pings[index - 1]?.ms ?? silentMs)).toBeLessThan(11_500);
    }

    expect(await cluster.leaseLeftMs(guest.seat)).not.toBeNull();
    await freeAgain(guest, sinceCut);
  },
  90_000,
);

test.concurrent(
  'a peer that does not even read is cut like any other that answers nothing, and its seat is free 16 s later',
  async () => {
    const guest = await takeSeat(cluster.edge(0), { sub: 'unread' });
    const askedAt = performance.now();
    await guest.client.request({ type: 'subscribe', channel: 'market_data', symbol: SYMBOL });
    guest.client.socket.pause();
    const silence = startStopwatch();
    await eventually(async () => !(await cluster.edge(0).admin('/connz')).body.includes('"sub":"unread"'), {
      withinMs: 50_000,
    });
    expect(silence.stop()).toBeLessThan(34_000);
    expect(performance.now() - askedAt).toBeGreaterThan(29_900);
    await freeAgain(guest, startStopwatch());
  },
  90_000,
);

async function expectOpenFor(client: TestClient, ms: number): Promise<void> {
  const ended = await Promise.race([client.closed, sleep(ms, 'open')]);
  expect(ended).toBe('open');
}

async function freeAgain({ seat }: Guest, sinceCut: Stopwatch): Promise<void> {
  await eventually(async () => (await cluster.leaseLeftMs(seat)) === null, { withinMs: 25_000 });
  expect(sinceCut.stop()).toBeLessThan(16_000);
}
