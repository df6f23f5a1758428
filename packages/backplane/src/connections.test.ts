import { setImmediate as turnsEnd } from 'node:timers/promises';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { settlesWithin, untilReady } from '../test/on-redis.ts';
import { type Commands, connectCommands } from './connections.ts';

/** Tests share their machine with others. */
const PATIENT_MS = 10_000;

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});

let current: Commands | undefined;
afterEach(() => current?.disconnect());

/** With a time-out of `timeoutMs`, the usual one when undefined: long, where it is not what is tested. */
async function connected(timeoutMs: number | undefined): Promise<Commands> {
  current = connectCommands(server.url, timeoutMs === undefined ? {} : { timeoutMs });
  await untilReady(current);
  return current;
}

test('a command that broke with its connection is not sent again', async () => {
  const redis = await connected(PATIENT_MS);
  await redis.set('n', 0);
  server.pause();
  const increment = redis.incr('n');
  redis.stream.destroy();
  await expect(increment).rejects.toThrow(/max retries/);
  server.resume();
  await untilReady(redis);
  // Redis may have read it from the socket before it saw the end: once at most.
  expect(Number(await redis.get('n'))).toBeLessThanOrEqual(1);
});

test('while Redis is away commands fail at once, and none waits for its return', async () => {
  const redis = await connected(PATIENT_MS);
  await server.stop();
  await eventually(() => redis.status !== 'ready');
  const late = redis.set('late', 1);
  expect(await settlesWithin(100, late)).toBe(true);
  await expect(late).rejects.toThrow(/writeable/);
  await server.restart({ keepData: false });
  await eventually(() => redis.status === 'ready', { withinMs: 3000 });
  expect(await redis.exists('late')).toBe(0);
});

test('a stopped Redis fails a command within a second, is noticed within 5 s, and reconnected within 3 s', async () => {
  const redis = await connected(undefined);
  server.pause();
  const ping = redis.ping();
  expect(await settlesWithin(1000, ping)).toBe(true);
  await expect(ping).rejects.toThrow(/timed out/);
  await eventually(() => redis.status !== 'ready', { withinMs: 5000 });
  server.resume();
  await eventually(() => redis.status === 'ready', { withinMs: 3000 });
  await eventually(async () => (await redis.ping()) === 'PONG');
});

test('an answer that waits in the socket of a process that was busy counts, however late it is read', async () => {
  const redis = await connected(2000);
  const pong = redis.ping();
  // It has left.
  await turnsEnd();
  const busyUntil = performance.now() + 2400;
  while (performance.now() < busyUntil);
  expect(await pong).toBe('PONG');
});

test('an idle connection to a healthy Redis stays', async () => {
  const redis = await connected(PATIENT_MS);
  let closed = 0;
  redis.on('close', () => (closed += 1));
  await new Promise((resolve) => void setTimeout(resolve, 3500));
  expect(closed).toBe(0);
});
