/** SPEC 7: what a node does from SIGTERM or SIGINT to its end, and what its clients see of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type EdgeProcess,
  type Member,
  type RedisServer,
  connectClient,
  eventually,
  joinCrowd,
  mintToken,
  recallRoamers,
  sendRoamer,
  startEdge,
  startFaultProxy,
  startRedis,
} from '@tickcast/testing';
import { watchOwnDelays } from './support/arrivals.ts';
import { type Cluster, forgetClusters, startCluster, takeSeat } from './support/cluster.ts';
import { alert, marketData } from './support/frames.ts';
import { handshakeRequest, openRawSocket } from './support/raw-socket.ts';

const NOTICE = { type: 'status', state: 'draining' };
const FAREWELL = { type: 'error', error: 'draining', detail: expect.any(String) };
/** For a process to end that has nothing more to wait for, on a machine that may stand still for seconds. */
const AT_ONCE_MS = 6000;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  forgetClusters();
  await recallRoamers();
});

const startNode = (drainSeconds: number, edges = 1): Promise<Cluster> =>
  startCluster({ redis, edges, env: { TICKCAST_DRAIN_SECONDS: String(drainSeconds), TICKCAST_LOG_LEVEL: 'warn' } });

const isUnready = async (edge: EdgeProcess) => (await edge.admin('/readyz')).status === 503;

test.concurrent('a draining node is unready at once, and alive and measured until its end', async () => {
  const edge = (await startNode(12)).edge(0);
  const guests = [await takeSeat(edge), await takeSeat(edge), await takeSeat(edge)];
  edge.signal('SIGTERM');
  await guests[0]?.client.next('status');
  expect(await edge.admin('/readyz')).toMatchObject({ status: 503, body: expect.stringContaining('draining') });
  // The last one has four more seconds.
  await guests[1]?.client.closed;
  expect((await edge.admin('/livez')).status).toBe(200);
  expect((await edge.admin('/metrics')).body).toMatch(/^tickcast_connections_closed_total\{code="1012"\} \d$/m);
  expect(await edge.exited).toEqual({ code: 0, signal: null });
});

test.concurrent(
  'a client that opted in is told of the drain, any other by its close alone; pushes go on until then',
  async () => {
    const { edge, publisher } = await nodeOf(10);
    const seedClient = await connectClient(edge.url, { token: await mintToken() });
    seedClient.send({ type: 'subscribe', channel: 'market_data', symbol: '0700.HK' });
    seedClient.send({ type: 'ping' });
    await seedClient.next('pong');
    const { client } = await takeSeat(edge);
    await client.request({ type: 'subscribe', channel: 'market_data', symbol: '0700.HK' });
    const exited = edge.stop();
    expect(await client.next('status')).toEqual(NOTICE);
    const published = marketData('0700.HK', 400);
    await publisher.publish({ channel: 'market_data', key: '0700.HK' }, JSON.stringify(published));
    expect(await client.next('market_data')).toMatchObject(published);
    // Of two clients the second goes after half of the time.
    expect(await client.next('error', 10_000)).toEqual(FAREWELL);
    for (const one of [seedClient, client]) expect(await one.closed).toMatchObject({ code: 1012 });
    expect(seedClient.received(({ type }) => !['pong', 'market_data'].includes(type))).toEqual([FAREWELL]);
    expect(await exited).toEqual({ code: 0, signal: null });
  },
);

test.concurrent(
  'nobody new gets in: no connection, on one that stood open already 503, in the lobby close 1012',
  async () => {
    const cluster = await startNode(12);
    const edge = cluster.edge(0);
    const seated = await takeSeat(edge);
    const silent = await connectClient(edge.url);
    const lobby = await connectClient(edge.url);
    const handshake = handshakeRequest({ Authorization: `Bearer ${await mintToken()}` });
    const standing = await openRawSocket(edge.port, handshake.slice(0, -2));
    edge.signal('SIGTERM');
    await seated.client.next('status');

    await expect(openRawSocket(edge.port, '')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    standing.socket.write('\r\n');
    const head = await standing.head();
    expect(head).toMatch(/^HTTP\/1.1 503 /);
    expect(head).toMatch(/\r\nretry-after: [1-9]/i);
    lobby.send({ type: 'auth', id: 1, token: await mintToken({ sub: 'late' }) });
    expect(await lobby.next('error')).toEqual({ ...FAREWELL, id: 1 });
    for (const client of [seated.client, silent, lobby]) expect(await client.closed).toMatchObject({ code: 1012 });
    expect(await edge.exited).toEqual({ code: 0, signal: null });
    // Reserved for the one who had it.
    expect(await cluster.seats()).toBe(1);
  },
);

test.concurrent('what a node was too late for, because it stood still, is not made up for in one go', async () => {
  const edge = (await startNode(12)).edge(0);
  const token = await mintToken();
  const members = Array.from({ length: 120 }, () => joinCrowd(edge.url, token));
  for (const { arrival } of members) await arrival;
  const closes: number[] = [];
  for (const { closed } of members) void closed.then(() => closes.push(performance.now()));
  edge.signal('SIGTERM');
  await eventually(() => closes.length >= 5);
  edge.pause();
  await sleep(4000);
  edge.resume();
  expect(await edge.exited).toEqual({ code: 0, signal: null });
  await eventually(() => closes.length === members.length);
  // 4 s behind, at 10 a second: 40 would be due at once.
  expect(Math.max(...closes.map((from) => closes.filter((at) => at >= from && at < from + 200).length))).toBeLessThan(
    30,
  );
});

test.concurrent('a client that reads nothing does not keep a node from its end', async () => {
  const { edge, publisher } = await nodeOf(1);
  const { client } = await takeSeat(edge);
  await client.request({ type: 'subscribe', channel: 'alerts' });
  client.socket.pause();
  const large = JSON.stringify(alert('x'.repeat(50_000)));
  for (let index = 0; index < 150; index++) await publisher.publish({ channel: 'alerts', key: null }, large);
  const startedAt = performance.now();
  expect(await edge.stop()).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(1000 + AT_ONCE_MS);
  client.socket.resume();
  await client.closed;
});

test.concurrent('where some leave by themselves the others still go evenly, over the whole time', async () => {
  const edge = (await startNode(12)).edge(0);
  const token = await mintToken();
  const closes: Array<{ code: number; at: number }> = [];
  const members = await Promise.all(
    Array.from({ length: 80 }, async (_, index) => {
      const leaves = index % 2 === 1;
      const member: Member = joinCrowd(edge.url, token, ({ type }) => {
        if (type === 'status' && leaves) void member.leave();
      });
      await member.arrival;
      if (!leaves) void member.closed.then((code) => closes.push({ code, at: performance.now() }));
      return member;
    }),
  );
  expect(await edge.stop()).toEqual({ code: 0, signal: null });
  await Promise.all(members.map(({ closed }) => closed));
  expect(closes.map(({ code }) => code)).toEqual(Array(40).fill(1012));
  // The first goes at once.
  const quarters = closes.map(({ at }) => Math.floor((at - (closes[0]?.at ?? 0)) / 3000));
  for (const quarter of [0, 1, 2, 3]) {
    expect(quarters.filter((one) => one === quarter).length).toBeGreaterThanOrEqual(2);
    expect(quarters.filter((one) => one === quarter).length).toBeLessThanOrEqual(20);
  }
});

test.concurrent('a node that everybody has left is done, whatever its drain time', async () => {
  const edge = (await startNode(30)).edge(0);
  const guests = await Promise.all([takeSeat(edge), takeSeat(edge), takeSeat(edge)]);
  const startedAt = performance.now();
  edge.signal('SIGTERM');
  for (const { client } of guests) void client.next('status').then(() => client.close());
  expect(await edge.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
});

test.concurrent(
  'without a drain time everybody is closed with 1012 at once, and the seats are kept all the same',
  async () => {
    const cluster = await startNode(0, 2);
    const guests = await Promise.all(
      Array.from({ length: 50 }, (_, index) => takeSeat(cluster.edge(0), { sub: `zero-${index}` })),
    );
    const startedAt = performance.now();
    expect(await cluster.edge(0).stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    for (const { client } of guests) expect(await client.closed).toMatchObject({ code: 1012 });
    for (const { seat } of guests) expect(await cluster.leaseLeftMs(seat)).toBeGreaterThan(15_000);
    const back = await takeSeat(cluster.edge(1), { sub: 'zero-7', seat: guests[7]?.seat ?? '' });
    expect(back.seat).toBe(guests[7]?.seat);
  },
);

test.concurrent('SIGINT drains within a second or two, as evenly', async () => {
  const edge = (await startNode(30)).edge(0);
  const token = await mintToken();
  const members = Array.from({ length: 300 }, () => joinCrowd(edge.url, token));
  for (const { arrival } of members) expect(await arrival).toMatchObject({ outcome: 'seated' });
  const unseenMs = watchOwnDelays();
  const times: number[] = [];
  const codes = members.map(async ({ closed }) => {
    const code = await closed;
    times.push(performance.now());
    return code;
  });
  const startedAt = performance.now();
  edge.signal('SIGINT');
  expect(new Set(await Promise.all(codes))).toEqual(new Set([1012]));
  expect(await edge.exited).toEqual({ code: 0, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(1000 + AT_ONCE_MS);
  const last = times.at(-1) ?? 0;
  // What was to go in the second while the machine stood still went together after it.
  const leastEarly = members.length * (1 / 3 - unseenMs() / 1000);
  expect(times.filter((time) => time < last - 300).length).toBeGreaterThan(leastEarly);
});

test.concurrent.each([
  ['SIGTERM', 'SIGTERM'],
  ['SIGTERM', 'SIGINT'],
] as const)('after %s a second signal, %s, ends the node at once', async (first, second) => {
  const edge = (await startNode(30)).edge(0);
  const guests = await Promise.all(Array.from({ length: 3 }, () => takeSeat(edge)));
  edge.signal(first);
  await eventually(() => isUnready(edge));
  const startedAt = performance.now();
  edge.signal(second);
  expect(await edge.exited).toEqual({ code: 1, signal: null });
  expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
  await Promise.all(guests.map(({ client }) => client.closed));
});

test.concurrent.each(['refuses', 'does not answer'] as const)(
  'a drain is in time though Redis %s, and its clients get their seats at the next node',
  async (how) => {
    const cluster = await startCluster({ redis, cap: 2 });
    const proxy = await startFaultProxy(redis.port);
    const env = {
      TICKCAST_REDIS_PREFIX: cluster.prefix,
      TICKCAST_MAX_CONNECTIONS: '2',
      TICKCAST_DRAIN_SECONDS: '1',
      TICKCAST_LOG_LEVEL: 'error',
    };
    const cutOff = await startEdge({ redisUrl: `redis://127.0.0.1:${proxy.port}`, env });
    const guests = [await takeSeat(cutOff, { sub: 'first' }), await takeSeat(cutOff, { sub: 'second' })];
    if (how === 'refuses') proxy.close();
    else proxy.stall();
    const startedAt = performance.now();
    const exited = cutOff.stop();
    for (const [index, { client, seat }] of guests.entries()) {
      expect(await client.closed).toMatchObject({ code: 1012 });
      const back = await takeSeat(cluster.edge(0), { sub: index === 0 ? 'first' : 'second', seat });
      expect(back.seat).toBe(seat);
    }
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    proxy.close();
    expect(await cluster.seats()).toBe(2);
  },
);

test.concurrent('clients sent away all at once go on at the next node with the bucket they had', async () => {
  const cluster = await startNode(0, 2);
  const token = await mintToken();
  const nodes = cluster.edges.map(({ url }) => url);
  const roamers = await Promise.all(
    Array.from({ length: 300 }, () => sendRoamer(token, (stay) => nodes[Math.min(stay, 1)] ?? '')),
  );
  expect(await cluster.edge(0).stop()).toEqual({ code: 0, signal: null });
  await eventually(() => roamers.every(({ seats }) => seats.length === 2), { withinMs: 10_000 });
  // Redis takes the bucket of a seat in use for empty: it must have been told before the clients are back.
  for (const { notices } of roamers) expect(notices).toEqual([NOTICE, FAREWELL]);
});

async function nodeOf(drainSeconds: number) {
  const { edges, publisher } = await startNode(drainSeconds);
  return { edge: edges[0] as EdgeProcess, publisher };
}
