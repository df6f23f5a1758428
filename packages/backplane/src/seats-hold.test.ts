/** What keeps an outage of Redis from giving anybody's place away. */
import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type RedisServer, startRedis } from '@tickcast/testing';
import { openCommands } from '../test/on-redis.ts';
import { endHold, endLease, KEYS, nodeOn, pretendQuiet, seat } from '../test/seat-clients.ts';
import type { Commands } from './connections.ts';
import type { Seats } from './seats.ts';

let server: RedisServer;
let redis: Commands;
let a: Seats;
let b: Seats;
beforeAll(async () => {
  server = await startRedis();
  redis = await openCommands(server.url);
});
beforeEach(async () => {
  await redis.flushall();
  a = nodeOn(redis, 'a');
  b = nodeOn(redis, 'b');
});

describe('when no seat call came for 6 s', () => {
  test('new admissions wait 6 s, and renewals are heard', async () => {
    const first = await seat(a, 'u');
    await pretendQuiet(redis, 6100);
    const reply = await b.take({ sub: 'v', newId: 'x' });
    expect(reply).toMatchObject({ status: 'hold', count: 1 });
    expect(reply.holdMs).toBeGreaterThan(5000);
    expect(reply.holdMs).toBeLessThanOrEqual(6000);
    expect(await a.renew([first])).toMatchObject({ results: ['ok'], count: 1 });
  });

  test('leases that ended are not purged until then: their nodes may only have been cut off', async () => {
    const seats = [await seat(a, 'u1'), await seat(a, 'u2'), await seat(a, 'u3')];
    for (const { id } of seats) await endLease(redis, id);
    await pretendQuiet(redis, 20_000);
    expect(await b.renew([])).toMatchObject({ count: 3 });
    expect(await a.renew(seats.slice(0, 2))).toMatchObject({ results: ['ok', 'ok'], count: 3 });
    await endHold(redis);
    expect(await b.take({ sub: 'v', newId: 'x' })).toMatchObject({ status: 'seated', count: 3 });
  });

  test('a client may come back to a seat whose lease ended meanwhile', async () => {
    const first = await seat(a, 'u');
    await endLease(redis, first.id);
    await pretendQuiet(redis, 20_000);
    expect(await b.take({ sub: 'u', seat: first.id, newId: 'x' })).toMatchObject({ id: first.id, resumed: true });
  });

  test('calls during the hold do not prolong it, and it ends by itself', async () => {
    await seat(a, 'u');
    await pretendQuiet(redis, 6100);
    const { holdMs } = await b.renew([]);
    await redis.hincrby(KEYS.state, 'hold_until', -3000);
    expect((await b.renew([])).holdMs).toBeLessThanOrEqual(holdMs - 3000);
    await redis.hincrby(KEYS.state, 'hold_until', -3000);
    expect(await b.take({ sub: 'v', newId: 'x' })).toMatchObject({ status: 'seated' });
  });

  test('without any lease there is nothing to wait for', async () => {
    await a.release(await seat(a, 'u'));
    await pretendQuiet(redis, 60_000);
    expect(await b.take({ sub: 'v', newId: 'x' })).toMatchObject({ status: 'seated' });
  });

  test('5 s are not 6: an ordinary heartbeat keeps admissions open', async () => {
    await seat(a, 'u');
    // In one turn, so that Redis takes both at once: whatever comes between would be quiet time as well.
    const quietFor5s = "redis.call('HSET', KEYS[1], 'last_call', redis.call('TIME')[1] * 1000 - 5000)";
    const [, reply] = await Promise.all([redis.eval(quietFor5s, 1, KEYS.state), b.take({ sub: 'v', newId: 'x' })]);
    expect(reply).toMatchObject({ status: 'seated' });
  });
});

describe('when the registry that a node remembers is gone', () => {
  test('a fresh cluster on an empty registry admits at once', async () => {
    expect(await a.take({ sub: 'u', newId: 'x' })).toMatchObject({ status: 'seated', holdMs: 0 });
    expect(await b.take({ sub: 'u', newId: 'y' })).toMatchObject({ status: 'seated', holdMs: 0 });
  });

  test('all nodes see one registry, and a new one after FLUSHALL', async () => {
    const { registry } = await a.renew([]);
    expect((await b.renew([])).registry).toBe(registry);
    await redis.flushall();
    const rebuilt = (await b.renew([])).registry;
    expect(rebuilt).not.toBe(registry);
    expect((await a.renew([])).registry).toBe(rebuilt);
  });

  test('after FLUSHALL new admissions wait one lease, seats are rebuilt under their ids, and the cap holds', async () => {
    const ofA = [await seat(a, 'u1'), await seat(a, 'u2')];
    const ofB = await seat(b, 'u3');
    await redis.flushall();
    const reply = await b.take({ sub: 'new', newId: 'x' });
    expect(reply).toMatchObject({ status: 'hold', count: 0 });
    expect(reply.holdMs).toBeGreaterThan(14_000);
    expect(await b.renew([ofB])).toMatchObject({ results: ['ok'], count: 1 });
    expect(await a.renew([...ofA, { ...ofB, id: 'fourth' }])).toMatchObject({
      results: ['ok', 'ok', 'full'],
      count: 3,
    });
    expect(await a.take({ sub: 'new', newId: 'x' })).toMatchObject({ status: 'hold' });
    expect(await b.take({ sub: 'u1', seat: ofA[0]?.id ?? '', newId: 'x' })).toMatchObject({ resumed: true });
    await endHold(redis);
    expect(await a.take({ sub: 'new', newId: 'x' })).toMatchObject({ status: 'full', count: 3 });
  });

  test('nor does a node that starts right after FLUSHALL admit anybody once an older one has called', async () => {
    await seat(a, 'u');
    await redis.flushall();
    const fresh = nodeOn(redis, 'fresh');
    await fresh.renew([]);
    await a.renew([]);
    expect(await fresh.take({ sub: 'v', newId: 'x' })).toMatchObject({ status: 'hold' });
  });

  test('a node waits once for one loss, not after every call', async () => {
    await seat(a, 'u');
    await redis.flushall();
    await a.renew([]);
    await endHold(redis);
    expect(await a.take({ sub: 'v', newId: 'x' })).toMatchObject({ status: 'seated' });
  });

  test('a drain right after it reserves the seats all the same, where there is room', async () => {
    const seats = [];
    for (const sub of ['u1', 'u2', 'u3', 'u4']) seats.push({ id: `s-${sub}`, sub, gen: 1, deficitMs: 0, ms: 30_000 });
    const results = [];
    for (const held of seats) results.push((await a.reserve(held)).done);
    expect(results).toEqual([true, true, true, false]);
    expect(await redis.zcard(KEYS.leases)).toBe(3);
    expect(await b.take({ sub: 'u1', seat: 's-u1', newId: 'x' })).toMatchObject({ resumed: true });
  });
});

test('a Redis that lost its last writes learns the higher generation from the node that has it', async () => {
  const old = await seat(a, 'u');
  const before = await redis.dumpBuffer(KEYS.record(old.id));
  const taken = await seat(b, 'u', old.id);
  await redis.restore(KEYS.record(old.id), 0, before, 'REPLACE');
  expect(await b.renew([taken])).toMatchObject({ results: ['ok'], count: 1 });
  expect(await a.renew([old])).toMatchObject({ results: ['taken'], count: 1 });
});
