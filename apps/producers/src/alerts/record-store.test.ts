import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createLease, type Lease } from '@tickcast/backplane';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { pino } from 'pino';
import { type Bus, openBus } from '../bus.ts';
import type { Change } from './episodes.ts';
import { createRecordStore } from './record-store.ts';

let server: RedisServer;
let bus: Bus;
let lease: Lease;

beforeAll(async () => {
  server = await startRedis();
  bus = openBus({ redisUrl: server.url, redisPrefix: 'tickcast:', log: pino({ level: 'silent' }) });
  await eventually(() => bus.up);
});
beforeEach(async () => {
  await bus.redis.del('tickcast:{lease:alerts}', 'tickcast:{alert_rules}');
  lease = newLease();
  await lease.take();
});
afterAll(async () => {
  bus.close();
  await server.stop();
});

const newLease = () => createLease({ redis: bus.redis, names: bus.names, name: 'alerts', ttlMs: 60_000 });
const change = (subject: string, announcedAt: number): Change => ({
  rule: 'memory',
  subject,
  record: { open: { since: 1, message: '内存' }, announcedAt, untold: null },
});

test('what was written is read, and what is worth nothing any more is gone', async () => {
  const store = createRecordStore(bus, lease);
  expect(await store.read()).toEqual([]);
  await store.write([change('a', 1), change('b', 2), change('a', 3)]);
  expect(await store.read()).toEqual(expect.arrayContaining([change('b', 2), change('a', 3)]));
  await store.write([{ ...change('a', 3), record: null }]);
  expect(await store.read()).toEqual([change('b', 2)]);
});

test('whoever has not got the lease writes nothing: neither a worker of an earlier term nor one after its time', async () => {
  await createRecordStore(bus, lease).write([change('a', 1)]);
  await lease.release();
  await expect(createRecordStore(bus, lease).write([change('a', 2)])).rejects.toMatchObject({ code: 'lease_lost' });
  const next = newLease();
  await next.take();
  await expect(createRecordStore(bus, lease).write([change('a', 3)])).rejects.toMatchObject({ code: 'lease_lost' });
  expect(await createRecordStore(bus, next).read()).toEqual([change('a', 1)]);
});
