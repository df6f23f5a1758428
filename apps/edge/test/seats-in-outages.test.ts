/** SPEC 1, seats: an outage gives nobody's place away, and brings no more than the cap. */
import { afterAll, expect, test } from '@jest/globals';
import { type TestClient, eventually, startEdge, startFaultProxy, startRedis } from '@tickcast/testing';
import {
  type Cluster,
  type Guest,
  forgetClusters,
  refusalOf,
  startCluster,
  takeSeat,
  waitForSeat,
} from './support/cluster.ts';
import { startStopwatch } from './support/stopwatch.ts';

const LEASE_MS = 15_000;
/** Between two seat calls of an edge: when an edge finds out what became of the registry. */
const CALL_MS = 2500;
/** Longer than any of these tests: nobody is to be sent away for silence meanwhile. */
const env = { TICKCAST_IDLE_TIMEOUT_SECONDS: '120' };

afterAll(forgetClusters);

test.concurrent(
  'a node stopped past its leases and resumed keeps only the clients that fit: the youngest are closed 1013, the cap holds',
  async () => {
    const cluster = await startCluster({ edges: 2, cap: 3, env });
    const first = await takeSeat(cluster.edge(0), { sub: 'first' });
    const second = await takeSeat(cluster.edge(0), { sub: 'second' });
    const third = await takeSeat(cluster.edge(0), { sub: 'third' });
    cluster.edge(0).pause();
    const newcomers = await Promise.all(
      ['dave', 'erin'].map((sub) => waitForSeat(cluster.edge(1), { sub }, LEASE_MS + 5000)),
    );
    await eventually(async () => (await cluster.seats()) === 2);
    first.client.send({ type: 'ping', id: 'sent while the node was stopped' });
    const most = watchSeats(cluster);
    cluster.edge(0).resume();

    for (const { client } of [second, third]) {
      expect(await client.closed).toMatchObject({ code: 1013 });
      expect(client.received('error')).toMatchObject([{ error: 'connection_limit_exceeded' }]);
    }
    expect(await cluster.seats()).toBe(3);
    for (const { client, seat } of [first, ...newcomers]) {
      expect(await client.request({ type: 'hello' })).toMatchObject({ type: 'welcome', seat });
    }
    expect(first.client.received((frame) => frame['id'] === 'sent while the node was stopped')).toMatchObject([
      { type: 'pong' },
    ]);
    expect(await most.stop()).toBe(3);
  },
  60_000,
);

test.concurrent.each(['stalled', 'cut'] as const)(
  'a node whose way to Redis is %s past its leases keeps its sockets, and afterwards those that fit',
  async (fault) => {
    const redis = await startRedis();
    const proxy = await startFaultProxy(redis.port);
    const cluster = await startCluster({ redis, cap: 2, env });
    const exiled = await startEdge({
      redisUrl: `redis://127.0.0.1:${proxy.port}`,
      env: { ...env, TICKCAST_MAX_CONNECTIONS: '2', TICKCAST_REDIS_PREFIX: cluster.prefix },
    });
    const first = await takeSeat(exiled, { sub: 'first' });
    const second = await takeSeat(exiled, { sub: 'second' });
    proxy.stall();
    if (fault === 'cut') proxy.cut();
    expect(await first.client.next('status', 10_000)).toMatchObject({ state: 'degraded' });
    const newcomer = await waitForSeat(cluster.edge(0), { sub: 'newcomer' }, LEASE_MS + 5000);
    // Both leases are over: had the second some time left, the first would find no room.
    await eventually(async () => ((await cluster.leaseLeftMs(second.seat)) ?? 0) <= 0, { withinMs: LEASE_MS });
    expect(await second.client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    const most = watchSeats(cluster);
    proxy.heal();

    expect(await second.client.closed).toMatchObject({ code: 1013 });
    expect(second.client.received('error')).toMatchObject([{ error: 'connection_limit_exceeded' }]);
    await eventually(async () => (await cluster.leaseLeftMs(first.seat)) !== null);
    await stillSeated([first, newcomer]);
    expect(await most.stop()).toBe(2);
    proxy.close();
  },
  60_000,
);

test.concurrent.each([
  ['FLUSHALL', async (cluster: Cluster) => void (await cluster.redis.cli('FLUSHALL'))],
  ['a restart of Redis without its data', (cluster: Cluster) => cluster.redis.restart({ keepData: false })],
])(
  'after %s seats are rebuilt under their ids, and new admissions wait one lease',
  async (_name, lose) => {
    const cluster = await startCluster({ edges: 2, cap: 3, env });
    const seated = await Promise.all([
      takeSeat(cluster.edge(0), { sub: 'alice' }),
      takeSeat(cluster.edge(0), { sub: 'bob' }),
    ]);
    const lostAt = performance.now();
    const sinceLoss = startStopwatch();
    await lose(cluster);
    // One place is left, on whichever node it is asked for first.
    const newcomers = [0, 1].map((edge) => waitForSeat(cluster.edge(edge), { sub: `new-${edge}` }, LEASE_MS + 10_000));
    const losers = newcomers.map((newcomer) => newcomer.catch((error: Error) => error));
    await eventually(async () => (await cluster.seats()) >= 2, { withinMs: LEASE_MS });
    expect(sinceLoss.ms()).toBeLessThan(CALL_MS + 2000);
    expect(performance.now() - lostAt).toBeLessThan(LEASE_MS);
    expect(await cluster.seats()).toBe(2);

    await Promise.any(newcomers);
    expect(performance.now() - lostAt).toBeGreaterThan(LEASE_MS);
    expect(sinceLoss.stop()).toBeLessThan(LEASE_MS + CALL_MS + 3000);
    await stillSeated(seated);
    expect(await cluster.seats()).toBe(3);
    expect((await Promise.all(losers)).filter((result) => result instanceof Error)).toHaveLength(1);
    expect(await cluster.seats()).toBe(3);
  },
  90_000,
);

test.concurrent.each([8000, 18_000])(
  'after Redis was stopped for %i ms everybody has the place of before, and nobody else',
  async (stoppedMs) => {
    const cluster = await startCluster({ edges: 2, cap: 3, env });
    const seated = await Promise.all(
      ['alice', 'bob', 'carol'].map((sub, index) => takeSeat(cluster.edge(index % 2), { sub })),
    );
    cluster.redis.pause();
    const stoppedAt = performance.now();
    const knocking = Promise.all([knock(cluster, 0), knock(cluster, 1)]);
    await eventually(() => performance.now() - stoppedAt > stoppedMs, { withinMs: stoppedMs + 1000 });
    cluster.redis.resume();
    await eventually(
      async () => (await leases(cluster, seated)).every((left) => left !== null && left > LEASE_MS - 6000),
      {
        withinMs: 10_000,
      },
    );
    expect(await knocking).toEqual(['nobody was seated', 'nobody was seated']);
    await stillSeated(seated);
    expect(await cluster.seats()).toBe(3);

    /** A client without a seat that tries again and again, until 10 s after Redis is back. */
    async function knock({ edge }: Cluster, index: number): Promise<string> {
      while (performance.now() - stoppedAt < stoppedMs + 10_000) {
        const refusal = await refusalOf(edge(index), { sub: `knocker-${index}` }, 12_000);
        if (refusal === null) return `seated ${performance.now() - stoppedAt} ms after Redis was stopped`;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      return 'nobody was seated';
    }
  },
  90_000,
);

test.concurrent('a client that comes while admissions are held up waits, and its messages with it', async () => {
  const cluster = await startCluster({ env: { TICKCAST_SEAT_TTL_SECONDS: '3' } });
  await takeSeat(cluster.edge(0));
  const lostAt = performance.now();
  await cluster.redis.cli('FLUSHALL');
  const newcomer = await takeSeat(cluster.edge(0), { sub: 'bob' }, 10_000);
  expect(performance.now() - lostAt).toBeGreaterThan(2900);
  expect(newcomer.client.frames.map(({ frame }) => frame.type)).toEqual(['welcome']);
});

async function stillSeated(guests: readonly Guest[]): Promise<void> {
  for (const { client, seat } of guests) expect(await hello(client)).toMatchObject({ type: 'welcome', seat });
}

function hello(client: TestClient) {
  return client.request({ type: 'hello' });
}

function leases(cluster: Cluster, guests: readonly Guest[]): Promise<Array<number | null>> {
  return Promise.all(guests.map(({ seat }) => cluster.leaseLeftMs(seat)));
}

/** Looks at the registry again and again; `stop` answers the most seats there ever were. */
function watchSeats(cluster: Cluster): { stop(): Promise<number> } {
  let most = 0;
  let stopped = false;
  const watching = (async () => {
    while (!stopped) {
      most = Math.max(most, await cluster.seats());
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
      return most;
    },
  };
}
