import {
  backtestEvent,
  backtestIdOf,
  type BacktestOutcome,
  type BacktestReport,
  isCancelRequested,
  isTerminal,
  noProgress,
  readReport,
} from '@tickcast/jobs';
import { UnrecoverableError } from 'bullmq';
import type { Bus } from '../bus.ts';
import type { JobInHand } from '../jobs/job-worker.ts';
import { untilAnswered } from '../until-answered.ts';
import { BacktestRefusedError, startBacktest } from './engine.ts';
import { parseRequest, readBars } from './request.ts';
import { runToEnd, type SavedBacktest } from './run-to-end.ts';
import { mayBeOf, refuseOtherBars } from './same-bars.ts';
import type { Turns } from './turns.ts';

export interface BacktestRunner {
  bus: Bus;
  /** Folder of the files that requests may name. */
  dataDirectory: string;
  turns: Turns;
  /** Called when the end of a backtest was published. */
  onEnd: (status: string) => void;
}

const MAX_ERROR_LENGTH = 500;

/**
 * Runs the backtest of a job, or goes on with it where it was saved last. What was published before, by whichever
 * worker, is the stream's last value: nothing up to there is published again, and nothing after an end.
 *
 * @throws UnrecoverableError when it can't be run as asked for, or has failed before; LeaseLostError when another worker
 * has the job; the signal's reason
 */
export async function runBacktest(runner: BacktestRunner, inHand: JobInHand<unknown>): Promise<BacktestOutcome> {
  const backtestId = backtestIdOf(inHand.job.id ?? '');
  if (backtestId === null) throw new UnrecoverableError('the id of the job must be 1 to 64 of A-Z a-z 0-9 . ^ = _ -');
  const last = await readLast(runner.bus, backtestId, inHand.signal);
  if (last !== null && isTerminal(last)) return outcomeOf(last);
  const end = await runFrom(last, runner, inHand, backtestId);
  await publishEnd(runner, inHand, backtestId, end);
  return outcomeOf(end);
}

/** Publishes that a backtest has failed, unless it has an end already. @throws as {@link runBacktest} */
export async function endFailed(runner: BacktestRunner, inHand: JobInHand<unknown>, error: Error): Promise<void> {
  const backtestId = backtestIdOf(inHand.job.id ?? '');
  if (backtestId === null) return;
  const last = await readLast(runner.bus, backtestId, inHand.signal);
  if (last !== null && isTerminal(last)) return;
  await publishEnd(runner, inHand, backtestId, {
    ...(last ?? noProgress(inHand.job.data)),
    status: 'failed',
    estimated_remaining: 0,
    error: wellFormed(error.message.slice(0, MAX_ERROR_LENGTH)),
  });
}

async function runFrom(
  last: BacktestReport | null,
  { bus, dataDirectory, turns }: BacktestRunner,
  inHand: JobInHand<unknown>,
  backtestId: string,
): Promise<BacktestReport> {
  const { job, signal } = inHand;
  const cancellation = { redis: bus.redis, redisPrefix: bus.redisPrefix, backtestId };
  if (await untilAnswered(() => isCancelRequested(job, cancellation), signal)) {
    return { ...(last ?? noProgress(job.data)), status: 'cancelled', estimated_remaining: 0 };
  }
  try {
    const request = parseRequest(job.data);
    const { strategy, params, days_per_second: daysPerSecond } = request;
    const bars = await readBars(dataDirectory, request);
    const { checkpoint } = (job.progress ?? {}) as Partial<SavedBacktest>;
    const backtest = startBacktest({ bars, strategy, params }, checkpoint);
    // What was published last may not have been saved.
    refuseOtherBars(last === null || mayBeOf(last, bars));
    return await runToEnd({ bus, backtestId, backtest, daysPerSecond, last, turns }, inHand);
  } catch (error) {
    if (error instanceof BacktestRefusedError) throw new UnrecoverableError(error.message);
    throw error;
  }
}

function readLast(bus: Bus, backtestId: string, signal: AbortSignal): Promise<BacktestReport | null> {
  return untilAnswered(() => readReport({ redis: bus.redis, redisPrefix: bus.redisPrefix, backtestId }), signal);
}

async function publishEnd(
  { bus, onEnd }: BacktestRunner,
  { held, signal }: JobInHand<unknown>,
  backtestId: string,
  end: BacktestReport,
): Promise<void> {
  await bus.publishSurely(backtestEvent(backtestId, end), { signal, held });
  bus.log.info({ backtest: backtestId, status: end.status, problem: end.error }, 'a backtest is over');
  onEnd(end.status ?? '');
}

/** What a job returns, or throws, whose backtest ended so. */
function outcomeOf({ status, result, error }: BacktestReport): BacktestOutcome {
  if (status === 'failed') throw new UnrecoverableError(error ?? 'it has failed before');
  return status === 'cancelled' ? { status } : { status: 'completed', result };
}

/** Redis refuses half a character, which a request may have or the cut may leave. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
