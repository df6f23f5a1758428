import { randomUUID } from 'node:crypto';
import {
  type Commands,
  createNames,
  createPublisher,
  type HeldLease,
  LeaseLostError,
  openStreams,
} from '@tickcast/backplane';
import type { Job } from 'bullmq';
import { backtestEvent, type BacktestReport, isTerminal, lastReport, noProgress } from './backtest-events.ts';
import { BACKTESTS_QUEUE, jobLockKey, queuePrefix } from './queues.ts';

interface Cancellation {
  redis: Commands;
  redisPrefix: string;
  backtestId: string;
}

/** Longer than a job is likely to wait. */
const KEPT_SECONDS = 30 * 24 * 3600;
const LOCK_MS = 5000;
const DELETE_IF_OURS = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/** Asks for the end of a backtest: whoever has this job, now or later, sees it. A later job with its id is another. */
export async function requestCancel(job: Job, { redis, redisPrefix, backtestId }: Cancellation): Promise<void> {
  await redis.set(cancelKey(redisPrefix, backtestId), job.timestamp, 'EX', KEPT_SECONDS);
}

/** Whether the end of a backtest was asked for. */
export async function isCancelRequested(job: Job, { redis, redisPrefix, backtestId }: Cancellation): Promise<boolean> {
  return (await redis.get(cancelKey(redisPrefix, backtestId))) === String(job.timestamp);
}

/** What a backtest last reported; null when it never did. */
export async function readReport({ redis, redisPrefix, backtestId }: Cancellation): Promise<BacktestReport | null> {
  const [stream] = await openStreams(redis, createNames(redisPrefix), 'backtest_progress', backtestId);
  return lastReport(stream);
}

/**
 * Ends a backtest whose job no worker has, as a worker would: with the job's lock, which a worker that takes the job
 * meanwhile takes away. The end is published before the job is removed, so that it is not lost in between.
 *
 * @returns the report of its end, another one if it had ended meanwhile; null when a worker has the job after all
 */
export async function endWaiting(job: Job, cancellation: Cancellation): Promise<BacktestReport | null> {
  const { redis, redisPrefix } = cancellation;
  const held = { key: jobLockKey(redisPrefix, BACKTESTS_QUEUE, job.id ?? ''), holder: randomUUID() };
  if ((await redis.set(held.key, held.holder, 'PX', LOCK_MS, 'NX')) === null) return null;
  const report = (await readReport(cancellation)) ?? noProgress(job.data);
  if (isTerminal(report)) {
    await releaseLock(redis, held);
    return report;
  }
  const end: BacktestReport = { ...report, status: 'cancelled', estimated_remaining: 0 };
  try {
    await publishEnd(held, end, cancellation);
  } catch (error) {
    if (error instanceof LeaseLostError) return null;
    throw error;
  }
  await releaseLock(redis, held);
  // The next job of a scheduler can't be removed: its worker will see that it is at its end.
  await job.remove().catch(() => undefined);
  return end;
}

async function publishEnd(held: HeldLease, end: BacktestReport, cancellation: Cancellation): Promise<void> {
  const { redis, redisPrefix, backtestId } = cancellation;
  const publisher = createPublisher({ redis, names: createNames(redisPrefix) });
  const { frame, ...event } = backtestEvent(backtestId, end);
  const [answer] = await publisher.publishHeld(held, [{ ...event, frame: JSON.stringify(frame) }]);
  if (answer instanceof Error) throw answer;
}

async function releaseLock(redis: Commands, { key, holder }: HeldLease): Promise<void> {
  await redis.eval(DELETE_IF_OURS, 1, key, holder);
}

function cancelKey(redisPrefix: string, backtestId: string): string {
  return `${queuePrefix(redisPrefix)}:cancelled:${backtestId}`;
}
