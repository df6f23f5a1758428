/** SPEC 1's table: how a connection ends decides when its place is free for somebody else. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type RedisServer, type TestClient, eventually, mintToken, startRedis } from '@tickcast/testing';
import {
  type Cluster,
  type Guest,
  forgetClusters,
  refusalOf,
  seatOf,
  startCluster,
  takeSeat,
  visitEdge,
  waitForSeat,
} from './support/cluster.ts';
import { overflow } from './support/slow-reader.ts';
import { startStopwatch } from './support/stopwatch.ts';

/** Half of what is left of a lease at the least: nothing but a release makes a seat vanish this soon. */
const AT_ONCE_MS = 5000;
const LEASE_MS = 15_000;
/** The lease and what its end needs to be noticed. */
const FREE_WITHIN_MS = 16_000;
const DRAINED_SEAT_MS = 30_000;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(forgetClusters);

interface FreeingEnd {
  name: string;
  code: number;
  env?: NodeJS.ProcessEnv;
  end(guest: Guest): unknown;
}

const FREEING_ENDS: FreeingEnd[] = [
  { name: "the client's close frame", code: 1000, end: ({ client }) => client.socket.close(1000) },
  { name: "the client's close frame without a code", code: 1005, end: ({ client }) => client.socket.close() },
  { name: 'a binary frame', code: 1003, end: ({ client }) => client.send(Buffer.from('{"type":"hello"}')) },
  { name: 'too large a message', code: 1009, end: ({ client }) => client.send('x'.repeat(16_385)) },
  {
    name: 'text that is no UTF-8, at which the engine closes by itself',
    code: 1006,
    end: ({ client }) => client.socket.send(Buffer.from([0x22, 0xc3, 0x28, 0x22]), { binary: false }),
  },
  {
    name: 'a message of over 1 MiB, at which the engine closes by itself',
    code: 1006,
    end: ({ client }) => client.send('x'.repeat(1024 * 1024 + 1)),
  },
  {
    name: 'the end of its token',
    code: 4401,
    end: async ({ client }) => client.send({ type: 'auth', token: await mintToken({ sub: 'alice', ttlSeconds: 2 }) }),
  },
  // Somebody else is refused before.
  { name: 'silence', code: 4408, env: { TICKCAST_IDLE_TIMEOUT_SECONDS: '10' }, end: () => undefined },
  {
    name: 'more than 3 times the message rate for 5 s',
    code: 4429,
    env: { TICKCAST_MAX_MESSAGES_PER_SECOND: '5' },
    end: ({ client }) => {
      const flood = setInterval(() => {
        if (client.socket.readyState === client.socket.OPEN)
          for (let i = 0; i < 10; i++) client.send('{"type":"ping"}');
        else clearInterval(flood);
      }, 100);
    },
  },
];

test.concurrent.each(FREEING_ENDS)(
  'a seat is free at once when its connection ends by $name ($code)',
  async ({ code, env, end }) => {
    const cluster = await startCluster({ redis, cap: 1, ...(env ? { env } : {}) });
    const guest = await takeSeat(cluster.edge(0));
    expect(await refusalOf(cluster.edge(0), { sub: 'bob' })).not.toBeNull();
    await end(guest);
    expect((await guest.client.closed).code).toBe(code);
    await eventually(async () => (await cluster.seats()) === 0, { withinMs: AT_ONCE_MS });
    const next = await waitForSeat(cluster.edge(0), { sub: 'bob' }, AT_ONCE_MS);
    expect(next.seat).not.toBe(guest.seat);
  },
  60_000,
);

interface ReservingEnd {
  name: string;
  code: number;
  env?: NodeJS.ProcessEnv;
  end(guest: Guest, cluster: Cluster): Promise<unknown>;
}

const RESERVING_ENDS: ReservingEnd[] = [
  { name: 'breaks without a close frame', code: 1006, end: ({ client }) => client.terminate() },
  { name: 'ends with the SIGKILL of its node', code: 1006, end: (_guest, cluster) => cluster.edge(0).kill() },
  {
    name: 'is closed as too slow',
    code: 4410,
    env: { TICKCAST_MAX_BUFFERED_BYTES: '262144' },
    end: ({ client }, cluster) => overflow(client, cluster.edge(0), cluster.publisher),
  },
];

test.concurrent.each(RESERVING_ENDS)(
  'the seat of a connection that $name is reserved until its lease ends, and free within 16 s',
  async ({ code, env, end }) => {
    const cluster = await startCluster({ redis, cap: 1, edges: 2, ...(env ? { env } : {}) });
    const guest = await takeSeat(cluster.edge(0));
    await end(guest, cluster);
    const endedAt = performance.now();
    const sinceEnd = startStopwatch();
    const leaseMs = (await cluster.leaseLeftMs(guest.seat)) ?? 0;
    // Renewed every 5 s.
    expect(leaseMs).toBeGreaterThan(LEASE_MS - 6000);
    expect(leaseMs).toBeLessThanOrEqual(LEASE_MS);
    expect(await refusalOf(cluster.edge(1), { sub: 'bob' })).not.toBeNull();

    await waitForSeat(cluster.edge(1), { sub: 'bob' }, FREE_WITHIN_MS + 5000);
    expect(performance.now() - endedAt).toBeGreaterThan(leaseMs - 100);
    expect(sinceEnd.stop()).toBeLessThan(FREE_WITHIN_MS);
    expect(await cluster.seats()).toBe(1);
    expect((await guest.client.closed).code).toBe(code);
  },
  60_000,
);

test.concurrent(
  'a draining node closes with 1012 and keeps the seat for 30 s: nobody else gets it, its client does, on another node',
  async () => {
    // Nobody is to be sent away for silence meanwhile.
    const env = { TICKCAST_DRAIN_SECONDS: '1', TICKCAST_IDLE_TIMEOUT_SECONDS: '120' };
    const cluster = await startCluster({ redis, cap: 2, edges: 2, env });
    const returning = await takeSeat(cluster.edge(0), { sub: 'alice' });
    const staying = await takeSeat(cluster.edge(0), { sub: 'carol' });
    const stoppedAt = performance.now();
    const exit = await cluster.edge(0).stop();
    expect(exit).toEqual({ code: 0, signal: null });
    expect(await returning.client.closed).toMatchObject({ code: 1012 });
    expect(await staying.client.closed).toMatchObject({ code: 1012 });
    const askedAt = performance.now();
    const sinceAsked = startStopwatch();
    const leaseMs = (await cluster.leaseLeftMs(staying.seat)) ?? 0;
    expect(leaseMs).toBeGreaterThan(LEASE_MS);
    // It was reserved before the close.
    expect(leaseMs).toBeGreaterThan(DRAINED_SEAT_MS - (performance.now() - stoppedAt));
    expect(await refusalOf(cluster.edge(1), { sub: 'bob' })).not.toBeNull();

    const back = await takeSeat(cluster.edge(1), { sub: 'alice', seat: returning.seat });
    expect(back.seat).toBe(returning.seat);
    expect(await cluster.seats()).toBe(2);

    await waitForSeat(cluster.edge(1), { sub: 'bob' }, DRAINED_SEAT_MS + 5000);
    expect(performance.now() - askedAt).toBeGreaterThan(leaseMs - 100);
    expect(sinceAsked.stop()).toBeLessThan(leaseMs + 1500);
    expect(await cluster.seats()).toBe(2);
    expect(await seatOf(back.client)).toBe(back.seat);
  },
  60_000,
);

test.concurrent(
  'a node that drains while clients are still taking their seats leaves none of them behind',
  async () => {
    // A Redis of its own: it stands still for a moment.
    const cluster = await startCluster({ env: { TICKCAST_DRAIN_SECONDS: '0' } });
    const edge = cluster.edge(0);
    const early: TestClient[] = [];
    // A node waits for Redis for less than a second: where the machine took longer, once more.
    const comeWhileItStands = async () => {
      cluster.redis.resume();
      // From now on Redis has the script that takes a seat: one call is enough.
      await (await takeSeat(edge)).client.close();
      await eventually(async () => (await cluster.seats()) === 0);
      cluster.redis.pause();
      const five = Array.from({ length: 5 }, (_, index) => visitEdge(edge, { sub: `early-${early.length + index}` }));
      early.push(...(await Promise.all(five)));
      const areSeating = async () => (await edge.admin('/connz')).body.split('"seating"').length > five.length;
      await eventually(areSeating, { withinMs: 700 });
    };
    await eventually(comeWhileItStands, { withinMs: 20_000 });
    const exited = edge.stop();
    for (const client of early) await client.closed;
    cluster.redis.resume();
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(await cluster.seats()).toBe(0);
  },
);
