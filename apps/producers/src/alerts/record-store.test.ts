import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createLease, type Lease } from '@tickcast/backplane';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { pino } from 'pino';
import { type Bus, openBus } from '../bus.ts';
import { firingAlert } from './alert.ts';
import type { Change } from './episodes.ts';
import { createRecordStore } from './record-store.ts';
import { parseRules } from './rules.ts';

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

test('a record that can not be read is worth nothing, and keeps no other from being read', async () => {
  const store = createRecordStore(bus, lease);
  await store.write([change('good', 1)]);
  const { record } = change('x', 1);
  const bad = [
    '',
    '{',
    'null',
    '{}',
    JSON.stringify({ ...record, untold: {} }),
    JSON.stringify({ ...record, open: 1 }),
  ];
  for (const [number, text] of bad.entries()) await bus.redis.hset('tickcast:{alert_rules}', `memory:${number}`, text);
  for (const field of ['', 'memory', 'memory:good:x']) await bus.redis.hset('tickcast:{alert_rules}', field, 'x');
  const read = await store.read();
  expect(read).toHaveLength(1 + bad.length);
  expect(read).toEqual(
    expect.arrayContaining([
      change('good', 1),
      ...bad.map((_, number) => ({ rule: 'memory', subject: String(number), record: null })),
    ]),
  );
});

test('a record of an alert that was not told is read as it was written', async () => {
  const rules = parseRules(JSON.stringify({ rules: [{ name: 'memory', type: 'agent_memory', percent: 80 }] }));
  const [rule] = rules;
  if (!rule) throw new Error('no rule');
  const reading = { subject: 'a', firing: true, value: 91, text: '内存' };
  const untold = firingAlert({ rule, threshold: 80, reading, episode: 1, now: 2.5 });
  const written = { rule: 'memory', subject: 'a', record: { open: null, announcedAt: 2.5, untold } };
  const store = createRecordStore(bus, lease);
  await store.write([written]);
  expect(await store.read()).toEqual([written]);
});
