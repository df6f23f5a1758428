/** SPEC 1, seats: whose place it is, and who may come back to it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type EdgeProcess,
  type RedisServer,
  type TestClient,
  connectClient,
  eventually,
  expectHandshakeRefused,
  mintToken,
  startRedis,
} from '@tickcast/testing';
import {
  forgetClusters,
  refusalOf,
  seatOf,
  startCluster,
  takeSeat,
  visitEdge,
  waitForSeat,
} from './support/cluster.ts';
import { startStopwatch } from './support/stopwatch.ts';

/** A fraction of a lease: the place was given back. */
const AT_ONCE_MS = 5000;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(forgetClusters);

test.concurrent('a seat id of another sub is worth nothing, and an unknown one is ignored', async () => {
  const cluster = await startCluster({ redis, edges: 2, cap: 3 });
  const alice = await takeSeat(cluster.edge(0), { sub: 'alice' });
  const bob = await takeSeat(cluster.edge(1), { sub: 'bob', seat: alice.seat });
  expect(bob.seat).not.toBe(alice.seat);
  const carol = await takeSeat(cluster.edge(1), { sub: 'carol', seat: 'no-such-seat' });
  expect(carol.seat).not.toBe('no-such-seat');
  expect(await cluster.seats()).toBe(3);
  for (const seat of [alice.seat, 'no-such-seat', '', '{}:*', 'x'.repeat(500)]) {
    expect(await refusalOf(cluster.edge(1), { sub: 'dave', seat })).not.toBeNull();
  }
  expect(await cluster.seats()).toBe(3);
  for (const { client, seat } of [alice, bob, carol]) {
    expect(await client.request({ type: 'hello' })).toMatchObject({ type: 'welcome', seat });
  }
});

test.concurrent('a seat whose client left is not had back by its id, once somebody else has the place', async () => {
  const cluster = await startCluster({ redis, edges: 2, cap: 1 });
  const alice = await takeSeat(cluster.edge(0), { sub: 'alice' });
  await alice.client.close();
  const bob = await waitForSeat(cluster.edge(1), { sub: 'bob' }, AT_ONCE_MS);
  expect(await refusalOf(cluster.edge(0), { sub: 'alice', seat: alice.seat })).toMatchObject({ code: 1013 });
  expect(await bob.client.request({ type: 'hello' })).toMatchObject({ seat: bob.seat });
});

test.concurrent(
  'a seat id brought to any node of a full cluster, in the URL or in `auth`, is admitted: the count is unchanged, the older connection closed 4409 within 1 s',
  async () => {
    const cluster = await startCluster({ redis, edges: 2, cap: 2 });
    const bob = await takeSeat(cluster.edge(1), { sub: 'bob' });
    const { client, seat } = await takeSeat(cluster.edge(0), { sub: 'alice' });
    let older = client;
    const ways: Array<[EdgeProcess, typeof returnByUrl]> = [
      [cluster.edge(1), returnByUrl],
      [cluster.edge(1), returnByUrl],
      [cluster.edge(0), returnByAuth],
      [cluster.edge(0), returnByAuth],
    ];
    for (const [edge, comeBack] of ways) {
      const newer = await comeBack(edge, seat);
      expect(await seatOf(newer)).toBe(seat);
      const sinceSeated = startStopwatch();
      expect((await older.closed).code).toBe(4409);
      expect(sinceSeated.stop()).toBeLessThan(1000);
      expect(await cluster.seats()).toBe(2);
      older = newer;
    }
    expect(await bob.client.request({ type: 'hello' })).toMatchObject({ seat: bob.seat });
    expect(await older.request({ type: 'hello' })).toMatchObject({ seat });
  },
);

test.concurrent(
  'of ten connections that bring one seat id at once to two nodes, one stays and none is counted twice',
  async () => {
    const cluster = await startCluster({ redis, edges: 2, cap: 2 });
    const first = await takeSeat(cluster.edge(0), { sub: 'alice' });
    const crowd = await Promise.all(
      Array.from({ length: 10 }, (_, index) => returnByUrl(cluster.edge(index % 2), first.seat)),
    );
    const all = [first.client, ...crowd];
    const codes: number[] = [];
    // Whose turn was the last, nobody knows.
    for (const { closed } of all) void closed.then(({ code }) => codes.push(code));
    await eventually(() => codes.length >= all.length - 1, { withinMs: 10_000 });
    expect(codes).toEqual(Array.from({ length: all.length - 1 }, () => 4409));
    expect(await cluster.seats()).toBe(1);
  },
);

test.concurrent(
  'a node that knows of a full cluster refuses a handshake without a seat id with 503 and Retry-After, but not for long',
  async () => {
    const cluster = await startCluster({ redis, edges: 2, cap: 1 });
    const alice = await takeSeat(cluster.edge(1), { sub: 'alice' });
    const options = { token: await mintToken({ sub: 'bob' }) };
    // It knows for half a second, for which the machine may be too slow.
    const refused = await eventually(async () => {
      const told = await refusalOf(cluster.edge(0), { sub: 'bob' });
      expect(told).toMatchObject({ code: 1013, error: { error: 'connection_limit_exceeded' } });
      expect(told?.error?.['retry_after_ms']).toBeGreaterThan(0);
      return expectHandshakeRefused(cluster.edge(0).url, options);
    });
    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(refused.body)).toMatchObject({ type: 'error', error: 'connection_limit_exceeded' });

    const back = await returnByUrl(cluster.edge(0), alice.seat);
    expect(await seatOf(back)).toBe(alice.seat);
    await back.close();
    await waitForSeat(cluster.edge(0), { sub: 'bob' }, AT_ONCE_MS);
  },
);

test.concurrent('a fresh cluster on an empty registry admits at once', async () => {
  const cluster = await startCluster({ redis });
  const taking = startStopwatch();
  await takeSeat(cluster.edge(0));
  expect(taking.stop()).toBeLessThan(2000);
});

function returnByUrl(edge: EdgeProcess, seat: string): Promise<TestClient> {
  return visitEdge(edge, { sub: 'alice', seat });
}

async function returnByAuth(edge: EdgeProcess, seat: string): Promise<TestClient> {
  const client = await connectClient(edge.url);
  const authenticated = await client.request({ type: 'auth', token: await mintToken({ sub: 'alice' }), seat });
  expect(authenticated).toMatchObject({ type: 'authenticated' });
  return client;
}
