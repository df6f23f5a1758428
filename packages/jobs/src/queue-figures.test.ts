import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import type { Queue } from 'bullmq';
import { readQueueFigures } from './queue-figures.ts';
import { closeQueue, openQueue } from './queues.ts';

let redis: RedisServer;
let queue: Queue;

beforeAll(async () => {
  redis = await startRedis();
  queue = openQueue('anything', { redisUrl: redis.url, redisPrefix: 'tickcast:' });
  queue.on('error', () => undefined);
});

afterAll(() => closeQueue(queue));

test('an empty queue has nothing waiting, since no time', async () => {
  const none = { waiting: 0, active: 0, delayed: 0, failed: 0, oldestWaitingSeconds: 0 };
  expect(await readQueueFigures(queue)).toEqual(none);
});

test('jobs are counted by state, and the oldest that waits tells how long they wait', async () => {
  await queue.add('old', {}, { timestamp: Date.now() - 90_000 });
  await queue.add('new', {});
  await queue.add('urgent', {}, { priority: 1 });
  await queue.add('later', {}, { delay: 60_000 });
  const figures = await readQueueFigures(queue);
  expect(figures).toMatchObject({ waiting: 3, active: 0, delayed: 1, failed: 0 });
  expect(figures.oldestWaitingSeconds).toBeGreaterThanOrEqual(90);
  expect(figures.oldestWaitingSeconds).toBeLessThan(120);
});

test('a job that waits behind more urgent ones is the oldest too', async () => {
  await queue.add('starving', {}, { priority: 9, timestamp: Date.now() - 600_000 });
  const figures = await readQueueFigures(queue);
  expect(figures).toMatchObject({ waiting: 4 });
  expect(figures.oldestWaitingSeconds).toBeGreaterThanOrEqual(600);
  expect(figures.oldestWaitingSeconds).toBeLessThan(630);
});

test('all keys of a queue are in the slot of its prefix', async () => {
  const keys = (await redis.cli('KEYS', '*')).split('\n');
  expect(keys.length).toBeGreaterThan(3);
  for (const key of keys) expect(key).toMatch(/^tickcast:\{jobs\}:anything:/);
});

test('a queue can be closed while its Redis is away', async () => {
  const other = openQueue('other', { redisUrl: redis.url, redisPrefix: 'tickcast:' });
  other.on('error', () => undefined);
  await other.waitUntilReady();
  redis.pause();
  const asked = readQueueFigures(other).catch((error: unknown) => error);
  await closeQueue(other);
  redis.resume();
  await eventually(async () => expect(await redis.cli('PING')).toBe('PONG'));
  // It was answered after all, or failed: it does not hang.
  await asked;
});
