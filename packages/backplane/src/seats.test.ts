import { beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { eventually, type RedisServer, startFaultProxy, startRedis } from '@tickcast/testing';
import { openCommands, redisNowMs, settlesWithin } from '../test/on-redis.ts';
import { endLease, KEYS, names, nodeOn, pretendQuiet, seat } from '../test/seat-clients.ts';
import type { Commands } from './connections.ts';
import { decodeSeatBudget, decodeTakeOver, type SeatBudget, type Seats, type TakeOver } from './seats.ts';

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

/** By the clock of Redis, as all that follows. */
const nowMs = () => redisNowMs(redis);
const leaseEnd = async (id: string) => Number(await redis.zscore(KEYS.leases, id));
const leaseLeft = async (id: string) => (await leaseEnd(id)) - (await nowMs());

/** Has it done, which must make the lease of that seat last `ms` from then on. */
async function expectLease<T>(id: string, ms: number, act: () => Promise<T>): Promise<T> {
  const before = Math.floor(await nowMs());
  const answer = await act();
  const end = await leaseEnd(id);
  expect(end).toBeGreaterThanOrEqual(before + ms);
  expect(end).toBeLessThanOrEqual((await nowMs()) + ms);
  return answer;
}

/** Has a bucket left with that deficit and found again, which must be as full as the time between made it. */
async function expectDeficit(ms: number, leave: () => Promise<unknown>, find: () => Promise<{ deficitMs: number }>) {
  const before = Math.floor(await nowMs());
  await leave();
  const { deficitMs } = await find();
  expect(deficitMs).toBeLessThanOrEqual(ms);
  expect(deficitMs).toBeGreaterThanOrEqual(Math.max(0, ms - ((await nowMs()) - before)));
}

async function fill(node: Seats, subs = ['u1', 'u2', 'u3']) {
  const seats = [];
  for (const sub of subs) seats.push(await seat(node, sub));
  return seats;
}

describe('taking a seat', () => {
  test('a new seat has the id asked for, generation 1 and a full bucket', async () => {
    const reply = await expectLease('x1', 15_000, () => a.take({ sub: 'u', newId: 'x1' }));
    expect(reply).toMatchObject({
      status: 'seated',
      id: 'x1',
      gen: 1,
      deficitMs: 0,
      resumed: false,
      count: 1,
      holdMs: 0,
    });
  });

  test('never more than the cap', async () => {
    await fill(a);
    expect(await b.take({ sub: 'u4', newId: 'x4' })).toMatchObject({ status: 'full', count: 3 });
    expect(await redis.exists(KEYS.record('x4'))).toBe(0);
  });

  test('a client that brings its seat has it back on any node, in a full cluster, and is not counted twice', async () => {
    const [first] = await fill(a);
    const back = await seat(b, 'u1', first?.id);
    expect(back).toMatchObject({ id: first?.id, resumed: true, count: 3 });
  });

  test('a take that was held up on its way takes the seat from nobody who has it meanwhile', async () => {
    const [first] = await fill(a);
    const proxy = await startFaultProxy(Number(new URL(server.url).port));
    const held = nodeOn(await openCommands(`redis://127.0.0.1:${proxy.port}`, 1000), 'held');
    await held.renew([]);
    proxy.stall();
    const calls = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec((await redis.info('commandstats')) ?? '')?.[1]);
    const takenAt = performance.now();
    await expect(seat(held, 'u1', first?.id)).rejects.toMatchObject({ code: 'backplane_unavailable' });
    const back = await seat(b, 'u1', first?.id);
    await eventually(() => performance.now() - takenAt > 1500);
    const before = await calls();
    proxy.heal();
    await eventually(async () => (await calls()) > before);
    await expect(b.renew([back])).resolves.toMatchObject({ results: ['ok'] });
    proxy.close();
  });

  test('a seat of another sub is worth nothing, and its owner keeps it', async () => {
    const [first] = await fill(a);
    expect(await b.take({ sub: 'thief', seat: String(first?.id), newId: 'x' })).toMatchObject({ status: 'full' });
    expect(await a.renew(first ? [first] : [])).toMatchObject({ results: ['ok'] });
  });

  test.each(['', 'unknown', 'a:b', '}{', 'x'.repeat(10_000), 'ünknown', '../..'])(
    'a seat that nobody has (%#) is ignored',
    async (brought) => {
      expect(await a.take({ sub: 'u', seat: brought, newId: 'x1' })).toMatchObject({ id: 'x1', resumed: false });
    },
  );

  test('a seat whose lease has ended is gone', async () => {
    const first = await seat(a, 'u');
    await endLease(redis, first.id);
    expect(await seat(b, 'u', first.id)).toMatchObject({ resumed: false, count: 1 });
  });

  test('a take whose answer was lost can be asked for again with its new id', async () => {
    await a.take({ sub: 'u', newId: 'x1' });
    expect(await a.take({ sub: 'u', seat: 'x1', newId: 'x2' })).toMatchObject({ id: 'x1', resumed: true, count: 1 });
  });
});

describe('take-overs', () => {
  test('the older connection is told over Pub/Sub, and can not renew, release or reserve any more', async () => {
    const listener = await openCommands(server.url);
    const told: Array<TakeOver | null> = [];
    listener.on('messageBuffer', (_: Buffer, message: Buffer) => told.push(decodeTakeOver(message)));
    await listener.subscribe(names.seats.takenChannel);
    const old = await seat(a, 'u');
    const taken = await seat(b, 'u', old.id);
    await eventually(() => told.length === 1);
    expect(told).toEqual([{ id: old.id, gen: taken.gen, node: 'b' }]);
    listener.disconnect();

    expect(await a.renew([old])).toMatchObject({ results: ['taken'], count: 1 });
    expect(await a.release(old)).toMatchObject({ done: false, count: 1 });
    expect(await a.reserve({ ...old, ms: 1 })).toMatchObject({ done: false });
    expect(await b.renew([taken])).toMatchObject({ results: ['ok'] });
    expect(await leaseLeft(old.id)).toBeGreaterThan(10_000);
  });

  test('every take-over is of a higher generation', async () => {
    const first = await seat(a, 'u');
    const gens = [];
    for (const node of [a, b, a, b]) gens.push((await seat(node, 'u', first.id)).gen);
    expect(gens).toEqual([...new Set(gens)].toSorted((x, y) => x - y));
    expect(Math.min(...gens)).toBeGreaterThan(first.gen);
  });

  test('something else on that channel is no take-over', () => {
    expect(['', 'x', 'x y z', 'x 1', ': 1 n'].map((text) => decodeTakeOver(Buffer.from(text)))).toEqual(
      Array(5).fill(null),
    );
  });
});

describe('how a connection ends', () => {
  test('released: the seat is free at once', async () => {
    const [first] = await fill(a);
    if (!first) throw new Error('no seat');
    expect(await a.release(first)).toMatchObject({ done: true, count: 2 });
    expect(await b.take({ sub: 'u4', newId: 'x4' })).toMatchObject({ status: 'seated', count: 3 });
    expect(await b.take({ sub: 'u1', seat: first.id, newId: 'x5' })).toMatchObject({ status: 'full' });
  });

  test('broken: reserved until the lease ends, for its client alone, then free', async () => {
    const [first] = await fill(a);
    if (!first) throw new Error('no seat');
    const end = await leaseEnd(first.id);
    expect(await a.reserve(first)).toMatchObject({ done: true, count: 3 });
    expect(await leaseEnd(first.id)).toBe(end);
    expect(await b.take({ sub: 'u4', newId: 'x4' })).toMatchObject({ status: 'full' });
    const back = await seat(b, 'u1', first.id);
    expect(back).toMatchObject({ resumed: true, count: 3 });
    await b.reserve(back);
    await endLease(redis, first.id);
    expect(await b.take({ sub: 'u4', newId: 'x4' })).toMatchObject({ status: 'seated', count: 3 });
  });

  test('drained: reserved for 30 s from that close', async () => {
    const first = await seat(a, 'u');
    const reserved = await expectLease(first.id, 30_000, () => a.reserve({ ...first, ms: 30_000 }));
    expect(reserved).toMatchObject({ done: true });
    const back = await expectLease(first.id, 15_000, () => seat(b, 'u', first.id));
    expect(back).toMatchObject({ resumed: true });
  });

  test('its node killed: free when the lease ends, without anybody’s doing, by the next call', async () => {
    const seats = await fill(a);
    expect(await b.take({ sub: 'u4', newId: 'x4' })).toMatchObject({ status: 'full' });
    const soon = (await nowMs()) + 300;
    for (const { id } of seats) await redis.zadd(KEYS.leases, 'XX', soon, id);
    await eventually(async () => (await b.renew([])).count === 0);
    expect(await b.take({ sub: 'u4', newId: 'x4' })).toMatchObject({ status: 'seated', count: 1 });
  });

  test('done twice, it is done once', async () => {
    const first = await seat(a, 'u');
    await a.release(first);
    expect(await a.release(first)).toMatchObject({ done: true, count: 0 });
    const second = await seat(a, 'u');
    await a.reserve({ ...second, ms: 30_000 });
    expect(await a.reserve({ ...second, ms: 30_000 })).toMatchObject({ done: true, count: 1 });
  });
});

describe('calls that overtook each other', () => {
  test('a renewal that comes after the release of its generation brings nothing back', async () => {
    const first = await seat(a, 'u');
    await a.release(first);
    expect(await a.renew([first])).toMatchObject({ results: ['taken'], count: 0 });
    const lifetime = await redis.pttl(KEYS.record(first.id));
    expect(lifetime).toBeGreaterThan(50_000);
    expect(lifetime).toBeLessThanOrEqual(60_000);
  });

  test('a renewal that comes after the reserve of its generation does not prolong it', async () => {
    const first = await seat(a, 'u');
    await a.reserve({ ...first, ms: 10_000 });
    expect(await a.renew([first])).toMatchObject({ results: ['taken'], count: 1 });
    expect(await leaseLeft(first.id)).toBeLessThanOrEqual(10_000);
    expect(await seat(b, 'u', first.id)).toMatchObject({ resumed: true, deficitMs: 0 });
  });

  test('a late release or reserve of an older generation leaves the seat to its new connection', async () => {
    const old = await seat(a, 'u');
    const taken = await seat(b, 'u', old.id);
    await a.release(old);
    await a.reserve({ ...old, ms: 1 });
    expect(await b.renew([taken])).toMatchObject({ results: ['ok'], count: 1 });
  });

  test('a renewal of an older generation, after the newer one was released or its lease ended, brings nothing back', async () => {
    const old = await seat(a, 'u');
    const taken = await seat(b, 'u', old.id);
    await endLease(redis, old.id);
    expect(await a.renew([old])).toMatchObject({ results: ['taken'], count: 0 });
    await b.renew([taken]);
    await b.release(taken);
    expect(await a.renew([old])).toMatchObject({ results: ['taken'], count: 0 });
  });

  test('a release of a seat that Redis lost holds against a renewal still on its way', async () => {
    const first = await seat(a, 'u');
    await redis.flushall();
    await a.release(first);
    expect(await a.renew([first])).toMatchObject({ results: ['taken'], count: 0 });
  });

  test('a reserve after a release does not bring the seat back', async () => {
    const first = await seat(a, 'u');
    await a.release(first);
    expect(await a.reserve({ ...first, ms: 30_000 })).toMatchObject({ done: false, count: 0 });
  });
});

describe('renewing', () => {
  test('a renewed lease lasts its whole length from now', async () => {
    const first = await seat(a, 'u');
    await redis.zincrby(KEYS.leases, -10_000, first.id);
    const renewed = await expectLease(first.id, 15_000, () => a.renew([first]));
    expect(renewed).toMatchObject({ results: ['ok'], count: 1 });
  });

  test('a node paused past its leases has its seats back where there is room, oldest connection first', async () => {
    const paused = await fill(a);
    for (const { id } of paused) await endLease(redis, id);
    await fill(b, ['v1', 'v2']);
    expect(await a.renew(paused)).toMatchObject({ results: ['ok', 'full', 'full'], count: 3 });
    expect(await redis.pttl(KEYS.record(paused[0]?.id ?? ''))).toBe(-1);
  });

  test('a seat whose lease ended keeps nobody out', async () => {
    const paused = await fill(a);
    for (const { id } of paused) await endLease(redis, id);
    expect(await fill(b, ['v1', 'v2', 'v3'])).toHaveLength(3);
    expect(await a.renew(paused)).toMatchObject({ results: ['full', 'full', 'full'], count: 3 });
  });

  test('a cap that was lowered admits nobody, and takes nothing from those who have a seat', async () => {
    const seats = await fill(a);
    const lower = nodeOn(redis, 'lower', { maxSeats: 1 });
    expect(await lower.renew(seats)).toMatchObject({ results: ['ok', 'ok', 'ok'], count: 3 });
    expect(await lower.take({ sub: 'u', newId: 'x' })).toMatchObject({ status: 'full' });
  });

  test('a clock that was set back by an hour makes no lease an hour longer', async () => {
    const first = await seat(a, 'u');
    await redis.zincrby(KEYS.leases, 3_600_000, first.id);
    await redis.hset(KEYS.state, 'hold_until', Date.now() + 3_600_000);
    await pretendQuiet(redis, -3_600_000);
    await b.renew([]);
    expect(await leaseLeft(first.id)).toBeLessThanOrEqual(15_000);
    expect((await b.renew([])).holdMs).toBeLessThanOrEqual(15_000);
  });
});

describe('buckets', () => {
  test('a seat that is brought back after a break goes on from the bucket it left', async () => {
    const first = await seat(a, 'u');
    await expectDeficit(
      800,
      () => a.reserve({ ...first, deficitMs: 800 }),
      () => seat(b, 'u', first.id),
    );
  });

  test('a seat that was taken over alive, or from a killed node, starts from empty', async () => {
    const first = await seat(a, 'u');
    expect(await seat(b, 'u', first.id)).toMatchObject({ deficitMs: 1000 });
  });

  test('a new seat has the bucket that its sub left within the last second, the emptiest of them, each once', async () => {
    const [one, two, three] = [await seat(a, 'u'), await seat(a, 'u'), await seat(a, 'u')];
    // Redis knows the scripts from now on, and takes all that leaves in one turn at once.
    await a.release(three);
    const [, , ...seats] = await Promise.all([
      a.release({ ...one, deficitMs: 800 }),
      a.release({ ...two, deficitMs: 990 }),
      ...Array.from({ length: 3 }, () => seat(b, 'u')),
    ]);
    const deficits = seats.map(({ deficitMs }) => deficitMs);
    expect(deficits[0]).toBeGreaterThan(Number(deficits[1]));
    expect(deficits[1]).toBeGreaterThan(0);
    expect(deficits[2]).toBe(0);
  });

  test('the bucket of another sub is not inherited', async () => {
    await a.release({ ...(await seat(a, 'u')), deficitMs: 1000 });
    expect(await seat(b, 'v')).toMatchObject({ deficitMs: 0 });
  });

  test('a bucket that was left with a reserved seat is inherited too', async () => {
    const first = await seat(a, 'u');
    await expectDeficit(
      1000,
      () => a.reserve({ ...first, deficitMs: 1000 }),
      () => seat(b, 'u'),
    );
  });

  test('a bucket that its own seat came back for is not inherited as well', async () => {
    const first = await seat(a, 'u');
    await expectDeficit(
      1000,
      () => a.reserve({ ...first, deficitMs: 1000 }),
      () => seat(b, 'u', first.id),
    );
    expect(await seat(b, 'u')).toMatchObject({ deficitMs: 0 });
  });

  test('a second later the bucket is full again, and nothing is kept of it', async () => {
    const first = await seat(a, 'u');
    await a.release({ ...first, deficitMs: 400 });
    await eventually(async () => expect(await redis.keys(`${KEYS.leases}:sub:*`)).toEqual([]));
    expect(await seat(b, 'u')).toMatchObject({ deficitMs: 0 });
  });

  test.each([-5, 5000, Number.POSITIVE_INFINITY])('a deficit of %p is brought into its bounds', async (deficitMs) => {
    const first = await seat(a, 'u');
    await a.reserve({ ...first, deficitMs });
    const back = await seat(b, 'u', first.id);
    expect(back.deficitMs).toBeGreaterThanOrEqual(0);
    expect(back.deficitMs).toBeLessThanOrEqual(1000);
  });
});

test('without Redis every call says so within a second', async () => {
  const own = await startRedis();
  const cut = nodeOn(await openCommands(own.url, 800), 'cut');
  const first = await seat(nodeOn(await openCommands(own.url), 'patient'), 'u');
  own.pause();
  const calls = [cut.take({ sub: 'u', newId: 'x' }), cut.renew([first]), cut.release(first), cut.reserve(first)];
  const settled = Promise.allSettled(calls);
  expect(await settlesWithin(1000, settled)).toBe(true);
  for (const call of await settled) {
    expect(call).toMatchObject({ status: 'rejected', reason: { code: 'backplane_unavailable' } });
  }
  own.resume();
});

test('a generation is not given twice, though Redis lost all it knew', async () => {
  const first = await seat(a, 'u');
  const second = await seat(b, 'u', first.id);
  await redis.flushall();
  await a.reserve({ ...first, ms: 30_000 });
  expect((await seat(b, 'u', first.id)).gen).toBeGreaterThan(second.gen);
});

test('the bucket of a seat that was taken over is told on the channel of take-overs', async () => {
  const listener = await openCommands(server.url);
  const told: Array<SeatBudget | null> = [];
  listener.on('messageBuffer', (_: Buffer, message: Buffer) => told.push(decodeSeatBudget(message)));
  await listener.subscribe(names.seats.takenChannel);
  await a.tellBudget({ id: 's1', gen: 1795338434920123, deficitMs: 12.5 });
  await eventually(() => told.length === 1);
  expect(told).toEqual([{ id: 's1', gen: 1795338434920123, deficitMs: 13 }]);
  expect(decodeTakeOver(Buffer.from('=s1 1795338434920123 13'))).toBeNull();
  listener.disconnect();
});
