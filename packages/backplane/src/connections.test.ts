import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { untilReady } from '../test/on-redis.ts';
import { type Commands, connectCommands } from './connections.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});

let current: Commands | undefined;
afterEach(() => current?.disconnect());

async function connected(): Promise<Commands> {
  current = connectCommands(server.url);
  await untilReady(current);
  return current;
}

test('a command that broke with its connection is not sent again', async () => {
  const redis = await connected();
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
  const redis = await connected();
  await server.stop();
  await eventually(() => redis.status !== 'ready');
  const startedAt = performance.now();
  await expect(redis.set('late', 1)).rejects.toThrow(/writeable/);
  expect(performance.now() - startedAt).toBeLessThan(100);
  await server.restart({ keepData: false });
  await eventually(() => redis.status === 'ready', { withinMs: 3000 });
  expect(await redis.exists('late')).toBe(0);
});

test('a stopped Redis fails a command within a second, is noticed within 5 s, and reconnected within 3 s', async () => {
  const redis = await connected();
  server.pause();
  const pausedAt = performance.now();
  await expect(redis.ping()).rejects.toThrow(/timed out/);
  expect(performance.now() - pausedAt).toBeLessThan(1000);
  await eventually(() => redis.status !== 'ready', { withinMs: 5000 });
  server.resume();
  await eventually(() => redis.status === 'ready', { withinMs: 3000 });
  expect(await redis.ping()).toBe('PONG');
});

test('an answer that waits in the socket of a process that was busy counts, however late it is read', async () => {
  const redis = await connected();
  const pong = redis.ping();
  const busyUntil = performance.now() + 1200;
  while (performance.now() < busyUntil);
  expect(await pong).toBe('PONG');
});

test('an idle connection to a healthy Redis stays', async () => {
  const redis = await connected();
  let closed = 0;
  redis.on('close', () => (closed += 1));
  await new Promise((resolve) => void setTimeout(resolve, 3500));
  expect(closed).toBe(0);
});
