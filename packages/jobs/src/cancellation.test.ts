import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Commands, connectCommands, createNames, createPublisher, ensureFunction } from '@tickcast/backplane';
import { eventually, startRedis } from '@tickcast/testing';
import type { Queue } from 'bullmq';
import { backtestEvent, noProgress } from './backtest-events.ts';
import { endWaiting, isCancelRequested, readReport, requestCancel } from './cancellation.ts';
import { BACKTESTS_QUEUE, closeQueue, jobLockKey, openQueue } from './queues.ts';

const redisPrefix = 'tickcast:';
const request = { from: '2021-01-04' };

let redis: Commands;
let queue: Queue;

beforeAll(async () => {
  const { url } = await startRedis();
  // Tests share their machine with others.
  redis = connectCommands(url, { timeoutMs: 10_000 });
  await eventually(() => ensureFunction(redis));
  queue = openQueue(BACKTESTS_QUEUE, { redisUrl: url, redisPrefix });
  queue.on('error', () => undefined);
});

afterAll(async () => {
  redis.disconnect();
  await closeQueue(queue);
});

test('that the end was asked for is kept for whoever has the job later', async () => {
  const job = await queue.add('backtest', request, { jobId: 'bt_asked' });
  const cancellation = { redis, redisPrefix, backtestId: 'bt_asked' };
  expect(await isCancelRequested(job, cancellation)).toBe(false);
  await requestCancel(job, cancellation);
  const later = await queue.getJob('bt_asked');
  expect(later && (await isCancelRequested(later, cancellation))).toBe(true);
  expect(await redis.ttl('tickcast:{jobs}:cancelled:bt_asked')).toBeGreaterThan(7 * 24 * 3600);
});

test('that the end was asked for is not for a new backtest with the id of one that is forgotten', async () => {
  const old = await queue.add('backtest', request, { jobId: 'bt_reused', timestamp: Date.now() - 8 * 24 * 3600_000 });
  const cancellation = { redis, redisPrefix, backtestId: 'bt_reused' };
  await requestCancel(old, cancellation);
  await old.remove();
  const job = await queue.add('backtest', request, { jobId: 'bt_reused' });
  expect(await isCancelRequested(job, cancellation)).toBe(false);
});

test('a waiting backtest is ended before its job is removed, with the day it would have begun with', async () => {
  const job = await queue.add('backtest', request, { jobId: 'bt_waits' });
  const cancellation = { redis, redisPrefix, backtestId: 'bt_waits' };
  expect(await endWaiting(job, cancellation)).toMatchObject({ status: 'cancelled' });
  expect(await readReport(cancellation)).toMatchObject({
    status: 'cancelled',
    progress: 0,
    current_date: '2021-01-04',
  });
  expect(await queue.getJob('bt_waits')).toBeUndefined();
  expect(await redis.exists(jobLockKey(redisPrefix, BACKTESTS_QUEUE, 'bt_waits'))).toBe(0);
});

test.each([
  ['is no day', 'x'.repeat(70_000)],
  ['has half a character', '\uD83D'],
  ['is a year only', '2021'],
])('a waiting backtest whose `from` %s is ended all the same', async (_what, from) => {
  const job = await queue.add('backtest', { from }, { jobId: 'bt_odd' });
  const cancellation = { redis, redisPrefix, backtestId: 'bt_odd' };
  expect(await endWaiting(job, cancellation)).toMatchObject({ status: 'cancelled', current_date: '' });
  expect(await queue.getJob('bt_odd')).toBeUndefined();
  await redis.del('tickcast:{backtest_progress}:bt_odd', 'tickcast:{backtest_progress}:bt_odd:id:end');
});

test('a waiting backtest without data is ended all the same', async () => {
  const job = await queue.add('backtest', null, { jobId: 'bt_null' });
  const cancellation = { redis, redisPrefix, backtestId: 'bt_null' };
  expect(await endWaiting(job, cancellation)).toMatchObject({ status: 'cancelled', current_date: '' });
});

test('a job that a worker has is left to it, and so is its lock', async () => {
  const job = await queue.add('backtest', request, { jobId: 'bt_taken' });
  const lock = jobLockKey(redisPrefix, BACKTESTS_QUEUE, 'bt_taken');
  await redis.set(lock, 'worker', 'PX', 60_000);
  const cancellation = { redis, redisPrefix, backtestId: 'bt_taken' };
  expect(await endWaiting(job, cancellation)).toBeNull();
  expect(await readReport(cancellation)).toBeNull();
  expect(await redis.get(lock)).toBe('worker');
});

test('two that end a waiting backtest at the same time publish one end', async () => {
  const job = await queue.add('backtest', request, { jobId: 'bt_both' });
  const cancellation = { redis, redisPrefix, backtestId: 'bt_both' };
  const answers = await Promise.all([endWaiting(job, cancellation), endWaiting(job, cancellation)]);
  expect(answers.some((end) => end?.status === 'cancelled')).toBe(true);
  expect(await redis.hget('tickcast:{backtest_progress}:bt_both', 'seq')).toBe('1');
});

test('one that completed in the meantime stays completed, and its job stays', async () => {
  const job = await queue.add('backtest', request, { jobId: 'bt_done' });
  const cancellation = { redis, redisPrefix, backtestId: 'bt_done' };
  const { id, frame } = backtestEvent('bt_done', { ...noProgress(request), status: 'completed' });
  await createPublisher({ redis, names: createNames(redisPrefix) }).publish(id, JSON.stringify(frame));
  expect(await endWaiting(job, cancellation)).toMatchObject({ status: 'completed' });
  expect(await queue.getJob('bt_done')).toBeDefined();
  expect(await redis.exists(jobLockKey(redisPrefix, BACKTESTS_QUEUE, 'bt_done'))).toBe(0);
});
