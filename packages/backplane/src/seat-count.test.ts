import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { backplaneOnRedis, contentsOf, type OnRedis } from '../test/on-redis.ts';
import { endHold, endLease, KEYS, names, nodeOn, pretendQuiet, seat } from '../test/seat-clients.ts';
import { countSeats } from './seat-count.ts';

let { server, redis } = {} as OnRedis;
beforeAll(async () => {
  ({ server, redis } = await backplaneOnRedis());
});
beforeEach(async () => {
  await server.cli('FLUSHALL');
});

const count = () => countSeats({ redis, names });

test('seats count from being taken until they are released, reserved ones too', async () => {
  expect(await count()).toBe(0);
  const node = nodeOn(redis, 'a');
  const [reserved, released] = [await seat(node, 'u1'), await seat(node, 'u2')];
  await seat(node, 'u3');
  expect(await count()).toBe(3);
  await node.reserve({ ...reserved, ms: 30_000 });
  await node.release(released);
  expect(await count()).toBe(2);
});

test('a lease that ended does not count, even where no edge is left to clear it away', async () => {
  const { id } = await seat(nodeOn(redis, 'a'), 'u1');
  await endLease(redis, id);
  expect([await count(), await redis.zcard(KEYS.leases)]).toEqual([0, 1]);
});

test('while ended leases are kept for their clients after an outage, they count as they do for the edges', async () => {
  const node = nodeOn(redis, 'a');
  const { id } = await seat(node, 'u1');
  await endLease(redis, id);
  await pretendQuiet(redis, 10_000);
  expect(await node.renew([])).toMatchObject({ count: 1 });
  expect(await count()).toBe(1);
  await endHold(redis);
  expect(await count()).toBe(0);
});

test('counting changes nothing', async () => {
  const { id } = await seat(nodeOn(redis, 'a'), 'u1');
  await endLease(redis, id);
  const before = await contentsOf(redis);
  await count();
  expect(await contentsOf(redis)).toEqual(before);
});

test('without Redis it says so', async () => {
  await server.stop();
  await expect(count()).rejects.toMatchObject({ code: 'backplane_unavailable' });
});
