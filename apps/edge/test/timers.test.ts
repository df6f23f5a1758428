/** SPEC 5, with its default times: idle clients, listeners, and peers that are gone without a word. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestClient, eventually } from '@tickcast/testing';
import { type Cluster, type Guest, forgetClusters, startCluster, takeSeat } from './support/cluster.ts';
import { marketData } from './support/frames.ts';

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
    const { client } = await takeSeat(cluster.edge(0), { sub: 'idle' });
    const silentSince = performance.now();
    const { code, at } = await client.closed;
    expect(code).toBe(4408);
    expect(client.received('error')).toMatchObject([{ error: 'idle_timeout' }]);
    expect(at - silentSince).toBeGreaterThan(30_000);
    expect(at - silentSince).toBeLessThan(33_000);
  },
  60_000,
);

test.concurrent(
  'a subscriber of a stream on which nothing happens is as idle as one without a subscription',
  async () => {
    const { client } = await takeSeat(cluster.edge(0), { sub: 'quiet' });
    await client.request({ type: 'subscribe', channel: 'market_data', symbol: 'QUIET' });
    const silentSince = performance.now();
    const { code, at } = await client.closed;
    expect(code).toBe(4408);
    expect(at - silentSince).toBeGreaterThan(30_000 - 50);
    expect(at - silentSince).toBeLessThan(33_000);
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
    const guest = await takeSeat(cluster.edge(0), { sub: 'half-open', autoPong: false });
    const { client } = guest;
    const pingedAt: number[] = [];
    client.socket.on('ping', () => pingedAt.push(performance.now()));
    await client.request({ type: 'subscribe', channel: 'market_data', symbol: SYMBOL });
    const silentSince = performance.now();

    const { code, at: cutAt } = await client.closed;
    expect(code).toBe(1006);
    expect(cutAt - silentSince).toBeGreaterThan(29_900);
    expect(cutAt - silentSince).toBeLessThan(34_000);
    expect(client.received('market_data').length).toBeGreaterThan(5);
    const times = [silentSince, ...pingedAt];
    expect(times.length).toBeGreaterThanOrEqual(3);
    for (const [index, at] of pingedAt.entries()) {
      const pause = at - (times[index] ?? 0);
      expect(pause).toBeGreaterThan(8500);
      expect(pause).toBeLessThan(11_500);
    }

    expect(await cluster.leaseLeftMs(guest.seat)).not.toBeNull();
    await freeAgain(guest);
    expect(performance.now() - cutAt).toBeLessThan(16_000);
  },
  90_000,
);

test.concurrent(
  'a peer that does not even read is cut like any other that answers nothing, and its seat is free 16 s later',
  async () => {
    const guest = await takeSeat(cluster.edge(0), { sub: 'unread' });
    await guest.client.request({ type: 'subscribe', channel: 'market_data', symbol: SYMBOL });
    guest.client.socket.pause();
    const silentSince = performance.now();
    await eventually(async () => !(await cluster.edge(0).admin('/connz')).body.includes('"sub":"unread"'), {
      withinMs: 34_000,
    });
    expect(performance.now() - silentSince).toBeGreaterThan(29_900);
    const cutAt = performance.now();
    await freeAgain(guest);
    expect(performance.now() - cutAt).toBeLessThan(16_000);
  },
  90_000,
);

async function expectOpenFor(client: TestClient, ms: number): Promise<void> {
  const ended = await Promise.race([client.closed, sleep(ms, 'open')]);
  expect(ended).toBe('open');
}

async function freeAgain({ seat }: Guest): Promise<void> {
  await eventually(async () => (await cluster.leaseLeftMs(seat)) === null, { withinMs: 20_000 });
}
