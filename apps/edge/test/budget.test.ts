/** SPEC 5: 100 client messages a second, from a bucket that belongs to the seat and goes where it goes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestClient, eventually } from '@tickcast/testing';
import { watchOwnDelays } from './support/arrivals.ts';
import { burst, caughtUp, overspent } from './support/burst.ts';
import { type Cluster, forgetClusters, seatOf, startCluster, takeSeat, visitEdge } from './support/cluster.ts';
import { startHeldKeyServer } from './support/key-server.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ edges: 2 });
}, 30_000);
afterAll(forgetClusters);

const unixSeconds = () => Date.now() / 1000;

test('of a burst the first 100 messages pass, and the 101st is refused with its id and when to try again', async () => {
  const client = await visitEdge(cluster.edge(0), { sub: 'burst' });
  const { accepted, acceptedAt, refusals } = await burst(client, 150);
  expect(accepted.slice(0, 100)).toEqual(Array.from({ length: 100 }, (_, index) => index));
  // What passes beyond the hundred is what the time of handling the burst has refilled.
  expect(overspent(acceptedAt, 100, acceptedAt[0] ?? 0)).toBe(0);
  expect(refusals[0]).toMatchObject({ error: 'rate_limited', id: expect.stringMatching(/^burst-\d+-1\d\d$/) });
  for (const refusal of refusals) {
    expect(refusal['retry_after_ms']).toBeGreaterThan(0);
    expect(refusal['retry_after_ms']).toBeLessThanOrEqual(1000);
  }
});

test('at most 10 errors a second are sent, and the next one tells how many were kept back', async () => {
  const client = await visitEdge(cluster.edge(0), { sub: 'errors' });
  const first = await burst(client, 150);
  expect(first.refusals).toHaveLength(10);
  expect(first.refusals.filter((refusal) => 'dropped' in refusal)).toEqual([]);
  await sleep(1100);
  client.send('no JSON');
  const next = await client.next((frame) => frame['error'] === 'invalid_message_format');
  expect(next['dropped']).toBe(150 - first.accepted.length - first.refusals.length);
  client.send('no JSON either');
  await caughtUp(client);
  expect(client.received('error').at(-1)).not.toHaveProperty('dropped');
});

test.each<[string, (client: TestClient, seat: string) => Promise<TestClient>]>([
  [
    'with the seat of a connection that still stands',
    (_client, seat) => visitEdge(cluster.edge(1), { sub: 'returning-1', seat }),
  ],
  [
    'with the seat of a connection that broke',
    async (client, seat) => {
      await client.terminate();
      return visitEdge(cluster.edge(1), { sub: 'returning-2', seat });
    },
  ],
  [
    'by the same sub without a seat id, after a clean close',
    async (client, seat) => {
      await client.close();
      await eventually(async () => (await cluster.leaseLeftMs(seat)) === null);
      return visitEdge(cluster.edge(1), { sub: 'returning-3' });
    },
  ],
])('a reconnect to another edge %s does not refill the bucket', async (_how, comeBack) => {
  const sub = `returning-${++returns}`;
  const before = await takeSeat(cluster.edge(0), { sub });
  const spent = await burst(before.client, 150);
  const after = await comeBack(before.client, before.seat);
  const more = await burst(after, 150);
  expect(more.refusals.length).toBeGreaterThan(0);
  expect(overspent([...spent.acceptedAt, ...more.acceptedAt], 100, spent.acceptedAt[0] ?? 0)).toBe(0);
});
let returns = 0;

test('a bucket that was used a little is a little used on the next edge', async () => {
  const { client, seat } = await takeSeat(cluster.edge(0), { sub: 'thrifty' });
  await client.close();
  await eventually(async () => (await cluster.leaseLeftMs(seat)) === null);
  const next = await visitEdge(cluster.edge(1), { sub: 'thrifty' });
  expect((await burst(next, 95)).accepted).toHaveLength(95);
});

test('a drain does not refill the bucket', async () => {
  const env = { TICKCAST_DRAIN_SECONDS: '0' };
  const drained = await startCluster({ redis: cluster.redis, edges: 2, env });
  const before = await takeSeat(drained.edge(0), { sub: 'drained' });
  const spent = await burst(before.client, 150);
  const stopped = drained.edge(0).stop();
  expect((await before.client.closed).code).toBe(1012);
  const after = await visitEdge(drained.edge(1), { sub: 'drained', seat: before.seat });
  const more = await burst(after, 150);
  expect(more.refusals.length).toBeGreaterThan(0);
  expect(overspent([...spent.acceptedAt, ...more.acceptedAt], 100, spent.acceptedAt[0] ?? 0)).toBe(0);
  expect(await stopped).toEqual({ code: 0, signal: null });
});

test('messages that waited for the seat are debited when it is there', async () => {
  // A key server may take its time; a Redis that stands still is given up before a busy machine has sent the burst.
  const { keyServer, env, mint } = await startHeldKeyServer();
  const { edge } = await startCluster({ redis: cluster.redis, env });
  const client = await visitEdge(edge(0), { token: await mint('early') });
  const burstOver = burst(client, 150);
  await caughtUp(client);
  expect(client.frames).toEqual([]);
  keyServer.release();
  await burstOver;
  keyServer.close();

  const acceptedAt = client.received('pong').map((pong) => Number(pong['server_time']));
  expect(acceptedAt.length).toBeGreaterThanOrEqual(100);
  expect(overspent(acceptedAt, 100, acceptedAt[0] ?? 0)).toBe(0);
  expect(client.received((frame) => frame['error'] === 'rate_limited').length).toBeGreaterThan(0);
});

test('who returns to another edge after its edge was killed starts from an empty bucket', async () => {
  const mortal = await startCluster({ redis: cluster.redis, edges: 2 });
  const { client, seat } = await takeSeat(mortal.edge(0), { sub: 'crashed' });
  await mortal.edge(0).kill();
  expect((await client.closed).code).toBe(1006);
  const since = unixSeconds();
  const after = await visitEdge(mortal.edge(1), { sub: 'crashed', seat });
  // More than a full bucket, as it fills again while this process stands still.
  const { acceptedAt, refusals } = await burst(after, 150);
  expect(refusals.length).toBeGreaterThan(0);
  expect(overspent(acceptedAt, 0, since)).toBe(0);
  expect(await seatOf(after)).toBe(seat);
});

test.concurrent('more than 3 times the rate for 5 s is closed with 4429', async () => {
  const client = await visitEdge(cluster.edge(0), { sub: 'flooder' });
  const startedAt = performance.now();
  await flood(client, 600, 20_000);
  const { code, at } = await client.closed;
  expect(code).toBe(4429);
  expect(at - startedAt).toBeGreaterThan(5000);
  expect(unixSeconds() - floodedSince(client)).toBeLessThan(9);
  expect(client.received('error').at(-1)).toMatchObject({ error: 'rate_limited' });
});

test.concurrent('less than 3 times the rate is refused message by message, but not closed', async () => {
  const client = await visitEdge(cluster.edge(1), { sub: 'eager' });
  const unseenMs = watchOwnDelays();
  await flood(client, 220, 8000);
  await caughtUp(client);
  const passed = client.received('pong').length;
  // A bucket that is full refills no more while the machine stands still.
  expect(passed).toBeGreaterThanOrEqual(800 - unseenMs() / 10);
  expect(passed).toBeLessThan(1000);
});

/** Since when the edge has had the flood without a pause, Unix seconds: when the machine stands still, the 5 s begin anew. */
function floodedSince(client: TestClient): number {
  const passedAt = client.received('pong').map((pong) => Number(pong['server_time']));
  return passedAt.findLast((at, index) => at - (passedAt[index - 1] ?? 0) > 0.25) ?? 0;
}

/** Sends pings at that rate until the time is over or the connection is. */
async function flood(client: TestClient, perSecond: number, forMs: number): Promise<void> {
  const startedAt = performance.now();
  let sent = 0;
  while (performance.now() - startedAt < forMs && client.socket.readyState === client.socket.OPEN) {
    const due = ((performance.now() - startedAt) / 1000) * perSecond;
    for (; sent < due; sent++) client.send('{"type":"ping"}');
    await sleep(20);
  }
}
