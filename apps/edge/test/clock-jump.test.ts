/** Somebody sets the clock of a node's machine, an hour forward or back: nothing but the end of tokens goes by it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type RedisServer, mintToken, startRedis } from '@tickcast/testing';
import { breaks, eventsIn, mostInASecond, publishAtRate, pushesOf, watchOwnDelays } from './support/arrivals.ts';
import { burst } from './support/burst.ts';
import {
  type Cluster,
  type Guest,
  forgetClusters,
  refusalOf,
  seatOf,
  startCluster,
  takeSeat,
} from './support/cluster.ts';
import { marketData } from './support/frames.ts';
import { shiftedClock } from './support/shifted-clock.ts';

const HOUR_MS = 3_600_000;
const LEASE_MS = 15_000;
const RENEWED_WITHIN_MS = 6000;
const clock = shiftedClock();

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => {
  forgetClusters();
  clock.remove();
});

const start = (edges = 1, env: NodeJS.ProcessEnv = {}): Promise<Cluster> =>
  startCluster({ redis, edges, cap: 4, env: { ...clock.env, ...env } });

/** Issued over an hour ago and good for more than another, so that neither jump leaves its time. */
function lastingToken(sub = 'alice'): Promise<string> {
  const iat = Math.floor(Date.now() / 1000) - 2 * 3600;
  return mintToken({ sub, ttlSeconds: 2 * 3600, claims: { iat } });
}

const JUMPS = [
  ['forward', HOUR_MS],
  ['back', -HOUR_MS],
] as const;

test.concurrent.each(JUMPS)(
  'an hour %s: seats are renewed as before, none is lost, given away or counted twice',
  async (_, offsetMs) => {
    const cluster = await start(2);
    const [jumping, other] = [cluster.edge(0), cluster.edge(1)];
    const token = await lastingToken();
    const guests: Guest[] = [];
    for (const edge of [jumping, jumping, jumping, other]) guests.push(await takeSeat(edge, { token }));
    const seats = guests.map(({ seat }) => seat);
    const unseenMs = watchOwnDelays();

    for (const offset of [offsetMs, 0]) {
      await clock.jump(jumping, offset);
      const until = performance.now() + LEASE_MS / 2;
      while (performance.now() < until) {
        expect(await cluster.seats()).toBe(guests.length);
        for (const seat of seats) {
          const leftMs = await cluster.leaseLeftMs(seat);
          // What this process stands still, the machine may: the lease goes on then.
          expect(leftMs).toBeGreaterThan(LEASE_MS - RENEWED_WITHIN_MS - unseenMs());
          expect(leftMs).toBeLessThanOrEqual(LEASE_MS);
        }
        await sleep(250);
      }
      expect(await refusalOf(other, { sub: 'bob' })).not.toBeNull();
    }
    // Nobody lost the connection, and a client that breaks off has its seat back anywhere.
    for (const { client, seat } of guests) expect(await seatOf(client)).toBe(seat);
    await clock.jump(jumping, offsetMs);
    for (const edge of [other, jumping]) {
      await guests[0]?.client.terminate();
      const back = await takeSeat(edge, { token, seat: seats[0] ?? '' });
      expect(back.seat).toBe(seats[0]);
      guests[0] = back;
    }
    expect(await cluster.seats()).toBe(guests.length);
  },
  60_000,
);

test.concurrent.each(JUMPS)(
  'an hour %s: a used-up budget is neither refilled by it nor kept empty',
  async (_, offsetMs) => {
    const edge = (await start()).edge(0);
    const { client } = await takeSeat(edge, { token: await lastingToken() });
    const startedAt = performance.now();
    const before = await burst(client, 150);
    await clock.jump(edge, offsetMs);
    const after = await burst(client, 150);
    const refilled = (performance.now() - startedAt) / 10;
    expect(before.accepted.length + after.accepted.length).toBeLessThanOrEqual(100 + refilled + 1);
    await sleep(1100);
    expect((await burst(client, 100)).refusals).toEqual([]);
    await clock.jump(edge, 0);
    await sleep(1100);
    expect((await burst(client, 100)).refusals).toEqual([]);
  },
);

test.concurrent.each(JUMPS)(
  'an hour %s: an idle client is closed when its time has passed, not before and not an hour late',
  async (_, offsetMs) => {
    const edge = (await start(1, { TICKCAST_IDLE_TIMEOUT_SECONDS: '5' })).edge(0);
    const { client } = await takeSeat(edge, { token: await lastingToken() });
    // Before its last message leaves, as its answer may be seen late.
    const silentSince = performance.now();
    await client.request({ type: 'ping' });
    await sleep(2000);
    await clock.jump(edge, offsetMs);
    const { code, at } = await client.closed;
    expect(code).toBe(4408);
    expect(at - silentSince).toBeGreaterThan(5000);
    expect(at - silentSince).toBeLessThan(10_000);
  },
);

test.concurrent.each(JUMPS)('an hour %s: quotes come at their rate, and none is missed', async (_, offsetMs) => {
  const { edges, publisher } = await start();
  const [edge] = edges;
  if (!edge) throw new Error('there is no edge');
  const { client } = await takeSeat(edge, { token: await lastingToken() });
  await client.request({ type: 'subscribe', channel: 'market_data', symbol: '0700.HK' });
  const unseenMs = watchOwnDelays();
  const publish = (index: number) =>
    publisher.publish({ channel: 'market_data', key: '0700.HK' }, JSON.stringify(marketData('0700.HK', index)));
  const publishing = publishAtRate(50, 3000, publish);
  await sleep(1000);
  await clock.jump(edge, offsetMs);
  await sleep(1000);
  await clock.jump(edge, 0);
  const published = await publishing;
  await client.next(({ seq }) => seq === published);
  const pushes = pushesOf(client, 'market_data');
  const frames = pushes.map(({ frame }) => frame);
  expect(eventsIn(frames)).toBe(published);
  expect(breaks(frames, 0)).toEqual([]);
  // A frame at the edge of a second may be a moment early or late on its way.
  expect(mostInASecond(pushes, unseenMs())).toBeLessThanOrEqual(11);
  expect(pushes.length).toBeGreaterThan(((3000 - unseenMs()) / 1000) * 7 - 1);
});

test('the end of a token goes by the clock: after a jump past it, within seconds', async () => {
  const edge = (await start()).edge(0);
  const [ending, lasting] = [
    await takeSeat(edge, { sub: 'ending', token: await mintToken({ sub: 'ending', ttlSeconds: 1800 }) }),
    await takeSeat(edge, { sub: 'lasting', token: await lastingToken('lasting') }),
  ];
  await clock.jump(edge, HOUR_MS);
  expect(await ending.client.closed).toMatchObject({ code: 4401 });
  expect(ending.client.received('error')).toMatchObject([{ error: 'token_expired' }]);
  expect(await seatOf(lasting.client)).toBe(lasting.seat);
});
