import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLease } from '@tickcast/backplane';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { pino } from 'pino';
import { type Bus, openBus } from '../bus.ts';
import { createTeller } from './teller.ts';

let server: RedisServer;
let bus: Bus;

beforeAll(async () => {
  server = await startRedis();
  bus = openBus({ redisUrl: server.url, redisPrefix: 'tickcast:', log: pino({ level: 'silent' }) });
  await eventually(() => bus.up);
});
afterAll(async () => {
  bus.close();
  await server.stop();
});

test('more changes at once than one command can carry are all written', async () => {
  const lease = createLease({ redis: bus.redis, names: bus.names, name: 'alerts', ttlMs: 60_000 });
  await lease.take();
  const stop = new AbortController();
  const teller = createTeller({ bus, held: lease, signal: stop.signal, onTold: () => [] });
  const record = { open: null, announcedAt: 1, untold: null };
  const count = 200_000;
  teller.add(Array.from({ length: count }, (_, number) => ({ rule: 'memory', subject: `a${number}`, record })));
  await eventually(async () => (await bus.redis.hlen('tickcast:{alert_rules}')) === count, { withinMs: 60_000 });
  await teller.idle();
  expect(teller.failure).toBeNull();
}, 90_000);
