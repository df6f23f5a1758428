/** SPEC 7: what an edge does without Redis, from the start and later. */
import { afterAll, expect, test } from '@jest/globals';
import {
  type EdgeProcess,
  type Frame,
  type RedisServer,
  type TestClient,
  connectClient,
  eventually,
  freePort,
  mintToken,
  startEdge,
  startRedis,
} from '@tickcast/testing';
import { type Cluster, forgetClusters, startCluster, takeSeat, visitEdge } from './support/cluster.ts';
import { marketData } from './support/frames.ts';
import { startStopwatch } from './support/stopwatch.ts';

/** The contract's second, and what this process may be late in noticing. */
const WITHIN_1_S = 1000 + 200;
/** All that the seed shows a client which never asked for more. */
const SEED_TYPES = new Set(['market_data', 'agent_status', 'backtest_progress', 'alerts', 'error', 'pong']);

afterAll(forgetClusters);

test.concurrent(
  'an edge that starts without Redis lives, says why it is not ready, refuses clients explicitly, and gets ready by itself',
  async () => {
    const port = await freePort();
    const edge = await startEdge({ redisUrl: `redis://127.0.0.1:${port}`, awaitReady: false });
    await eventually(async () => (await edge.admin('/livez')).status === 200, { withinMs: 15_000 });
    const notReady = await edge.admin('/readyz');
    expect(notReady.status).toBe(503);
    expect(notReady.body).toMatch(/Redis/);
    await expectTurnedAway(edge);

    await startRedis({ port });
    await eventually(async () => (await edge.admin('/readyz')).status === 200, { withinMs: 15_000 });
    await takeSeat(edge);
  },
);

interface Outage {
  name: string;
  begin(redis: RedisServer): unknown;
  end(redis: RedisServer): unknown;
}

test.concurrent.each<Outage>([
  {
    name: 'killed, and comes back empty',
    begin: (redis) => redis.kill(),
    end: (redis) => redis.restart({ keepData: false }),
  },
  { name: 'stopped, and goes on', begin: (redis) => redis.pause(), end: (redis) => redis.resume() },
])(
  'when Redis is $name, sockets stay, new clients are refused within 1 s, and pushes resume',
  async ({ begin, end }) => {
    const cluster = await startCluster();
    const edge = cluster.edge(0);
    const { client: optedIn } = await takeSeat(edge, { sub: 'opted-in' });
    const seedClient = await visitEdge(edge, { sub: 'seed' });
    await optedIn.request({ type: 'subscribe', channel: 'market_data', symbol: 'HELD' });
    seedClient.send({ type: 'subscribe', channel: 'market_data', symbol: 'HELD' });
    await publishUntil(cluster, 'before', [optedIn, seedClient]);

    await begin(cluster.redis);
    const sinceGone = startStopwatch();
    await Promise.all([expectTurnedAway(edge), expectUnavailable(optedIn, 'UNHELD-1')]);
    expect(await optedIn.next('status', 10_000)).toMatchObject({ state: 'degraded' });
    expect(sinceGone.stop()).toBeLessThan(5000);
    await Promise.all([expectTurnedAway(edge), expectUnavailable(optedIn, 'UNHELD-2')]);
    expect((await edge.admin('/readyz')).status).toBe(200);
    expect((await edge.admin('/livez')).status).toBe(200);
    expect(await optedIn.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    const again = optedIn.frames.length;
    expect(await optedIn.request({ type: 'subscribe', channel: 'market_data', symbol: 'HELD' })).toMatchObject({
      type: 'subscribed',
      key: 'HELD',
    });
    await eventually(() => optedIn.frames.slice(again).some(({ frame }) => frame['snapshot'] === true));

    await end(cluster.redis);
    expect(await optedIn.next('status', 10_000)).toMatchObject({ state: 'restored' });
    await publishUntil(cluster, 'after', [optedIn, seedClient]);
    expect(await optedIn.request({ type: 'subscribe', channel: 'market_data', symbol: 'UNHELD-1' })).toMatchObject({
      type: 'subscribed',
    });
    expect(optedIn.received('status').map(({ state }) => state)).toEqual(['degraded', 'restored']);
    expect(seedClient.frames.map(({ frame }) => frame.type).filter((type) => !SEED_TYPES.has(type))).toEqual([]);
    expect(seedClient.received('error')).toEqual([]);
  },
  60_000,
);

test.concurrent(
  'a last event published while a node was cut off from Redis reaches its clients when it is back',
  async () => {
    const cluster = await startCluster();
    const { client } = await takeSeat(cluster.edge(0));
    await client.request({ type: 'subscribe', channel: 'market_data', symbol: 'HELD' });
    await publishUntil(cluster, 'before', [client]);
    // Stopped, so that it can't be back before the event is published.
    cluster.edge(0).pause();
    await cutConnectionsOfOthers(cluster);
    await publish(cluster, 'meanwhile');
    cluster.edge(0).resume();
    await eventually(() => marks(client).includes('meanwhile'), { withinMs: 10_000 });
  },
  60_000,
);

/** A new client, with or without a seat id, is told `backplane_unavailable` and closed 1013 within 1 s. */
async function expectTurnedAway(edge: EdgeProcess): Promise<void> {
  const token = await mintToken({ sub: 'newcomer' });
  await Promise.all(
    [{}, { seat: 'had-one' }].map(async (query) => {
      const sinceCame = startStopwatch();
      const client = await connectClient(edge.url, { token, query });
      const { code } = await client.closed;
      const tookMs = sinceCame.stop();
      expect(code).toBe(1013);
      expect(client.received('error')).toMatchObject([{ error: 'backplane_unavailable' }]);
      expect(Number(client.received('error')[0]?.['retry_after_ms'])).toBeGreaterThan(0);
      expect(tookMs).toBeLessThan(WITHIN_1_S);
    }),
  );
}

async function expectUnavailable(client: TestClient, symbol: string): Promise<void> {
  const sinceAsked = startStopwatch();
  expect(await client.request({ type: 'subscribe', channel: 'market_data', symbol })).toMatchObject({
    type: 'error',
    error: 'backplane_unavailable',
  });
  expect(sinceAsked.stop()).toBeLessThan(WITHIN_1_S);
}

/** Publishes one event as soon as this test's own connection can, and waits until the clients have it. */
async function publishUntil(cluster: Cluster, mark: string, clients: readonly TestClient[]): Promise<void> {
  await eventually(() => publish(cluster, mark), { withinMs: 10_000 });
  for (const client of clients) await eventually(() => marks(client).includes(mark));
}

function publish({ publisher }: Cluster, mark: string): Promise<number> {
  const frame = { ...marketData('HELD'), mark };
  return publisher.publish({ channel: 'market_data', key: 'HELD' }, JSON.stringify(frame));
}

function marks(client: TestClient): unknown[] {
  return client.received('market_data').map((frame: Frame) => frame['mark']);
}

async function cutConnectionsOfOthers({ redis, commands }: Cluster): Promise<void> {
  const own = String(await commands.client('ID'));
  for (const type of ['normal', 'pubsub']) {
    const list = await redis.cli('CLIENT', 'LIST', 'TYPE', type);
    for (const [, id] of list.matchAll(/^id=(\d+)/gm)) {
      // redis-cli itself is in the list, and gone by now.
      if (id !== undefined && id !== own) await redis.cli('CLIENT', 'KILL', 'ID', id);
    }
  }
}
