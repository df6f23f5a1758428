import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { BackplaneUnavailableError, type Commands, connectCommands } from '@tickcast/backplane';
import { isKey } from '@tickcast/protocol';
import type { Job, JobType } from 'bullmq';
import { type BacktestReport, isTerminal } from './backtest-events.ts';
import { jobIdsOf, newBacktestId } from './backtest-ids.ts';
import { type BacktestEntry, backtestEntry, type Listed } from './backtest-list.ts';
import { type BacktestRequest, checkBacktestRequest } from './backtest-request.ts';
import { endWaiting, readReport, requestCancel } from './cancellation.ts';
import { BacktestCallError } from './errors.ts';
import { BACKTESTS_QUEUE, callerConnection, closeQueue, openQueue, type QueueOptions } from './queues.ts';

/** Backtests, as somebody sees them who submits some. Everything fails within a few seconds while Redis is away. */
export interface Backtests {
  /**
   * Puts a backtest into the queue. Submitting the same once more under its id changes nothing.
   *
   * @param id of the backtest, `[A-Za-z0-9.^=_-]{1,64}` and not a number; a new one when absent
   * @returns its id
   * @throws BacktestCallError `invalid_request`, or `id_taken` by another request or a finished backtest;
   * BackplaneUnavailableError, FunctionUnavailableError
   */
  submit(request: BacktestRequest, id?: string): Promise<string>;
  /**
   * The backtests that are not at their end, and the latest that are; newest first.
   *
   * @throws BackplaneUnavailableError
   */
  list(): Promise<BacktestEntry[]>;
  /**
   * One backtest, as long as its job is known: it may have left before its last report.
   *
   * @throws BackplaneUnavailableError
   */
  find(id: string): Promise<BacktestEntry | null>;
  /**
   * Ends a backtest: `cancelled` if no worker had it and its end is published already, `stopping` if its worker ends it
   * within a second.
   *
   * @throws BacktestCallError `unknown_backtest` or `already_finished`; BackplaneUnavailableError,
   * FunctionUnavailableError
   */
  cancel(id: string): Promise<'cancelled' | 'stopping'>;
  close(): Promise<void>;
}

const LISTED_FINISHED = 50;
const LISTED_UNFINISHED = 500;
const CONNECT_WITHIN_MS = 3000;

/** Connects, for one or a few calls. */
export function createBacktests({ redisUrl, redisPrefix }: QueueOptions): Backtests {
  const redis = connectCommands(redisUrl, { timeoutMs: CONNECT_WITHIN_MS });
  const queue = openQueue<BacktestRequest>(BACKTESTS_QUEUE, { redisUrl, redisPrefix }, callerConnection(redisUrl));

  async function reached<T>(work: () => Promise<T>): Promise<T> {
    try {
      await Promise.all([queue.waitUntilReady(), isReady(redis)]);
      return await work();
    } catch (error) {
      if (error instanceof BacktestCallError || (error as { code?: string }).code === 'function_unavailable')
        throw error;
      const { host } = new URL(redisUrl);
      const problem = (error as Error).message;
      throw new BackplaneUnavailableError(`Redis at ${host} does not answer as it should: ${problem}`, {
        cause: error,
      });
    }
  }

  async function findJob(id: string): Promise<Job<BacktestRequest> | undefined> {
    for (const jobId of jobIdsOf(id)) {
      const job = await queue.getJob(jobId);
      if (job !== undefined) return job;
    }
    return undefined;
  }

  return {
    submit: (request, id = newBacktestId()) =>
      reached(async () => {
        const problems = checkBacktestRequest(request);
        // BullMQ takes no number for an id.
        if (!isKey(id) || /^\d+$/.test(id)) problems.push('id must be 1 to 64 of A-Z a-z 0-9 . ^ = _ -, not a number');
        if (problems.length > 0) throw new BacktestCallError('invalid_request', problems.join('; '));
        const end = endOf(await readReport({ redis, redisPrefix, backtestId: id }));
        if (end !== null) throw new BacktestCallError('id_taken', `backtest ${id} is over (${end}): choose another id`);
        await queue.add('backtest', request, { jobId: id });
        const job = await queue.getJob(id);
        if (job !== undefined && !isDeepStrictEqual(job.data, request)) {
          throw new BacktestCallError(
            'id_taken',
            `backtest ${id} was submitted with another request: choose another id`,
          );
        }
        return id;
      }),

    list: () =>
      reached(async () => {
        const read = async (state: Listed, types: JobType[], count: number) =>
          (await queue.getJobs(types, 0, count - 1)).map((job) => backtestEntry(job, state));
        // In the order in which a job goes: one that changes its state meanwhile is read twice rather than never.
        const entries = [
          ...(await read('waiting', ['wait', 'prioritized'], LISTED_UNFINISHED)),
          ...(await read('delayed', ['delayed'], LISTED_UNFINISHED)),
          ...(await read('active', ['active'], LISTED_UNFINISHED)),
          ...(await read('finished', ['completed', 'failed'], LISTED_FINISHED)),
        ];
        const byId = new Map(entries.map((entry) => [entry?.id, entry]));
        return [...byId.values()].filter((entry) => !!entry).toSorted((a, b) => b.submittedAt - a.submittedAt);
      }),

    find: (id) =>
      reached(async () => {
        const job = isKey(id) ? await findJob(id) : undefined;
        return job === undefined ? null : backtestEntry(job, listedOf(await job.getState()));
      }),

    cancel: (id) =>
      reached(async () => {
        const job = isKey(id) ? await findJob(id) : undefined;
        if (job === undefined) throw new BacktestCallError('unknown_backtest', `there is no backtest ${id}`);
        const cancellation = { redis, redisPrefix, backtestId: id };
        const over = (end: string) => new BacktestCallError('already_finished', `backtest ${id} is over: ${end}`);
        const end = endOf(await readReport(cancellation), await job.getState());
        if (end !== null) throw over(end);
        // Before its state is read: a worker that takes the job after that sees it.
        await requestCancel(job, cancellation);
        if ((await job.getState()) === 'active') return 'stopping';
        const ended = await endWaiting(job, cancellation);
        if (ended === null) return 'stopping';
        if (ended.status !== 'cancelled') throw over(ended.status ?? '');
        return 'cancelled';
      }),

    async close() {
      redis.disconnect();
      await closeQueue(queue);
    },
  };
}

/** How a backtest ended, as it was published or, where that has expired, as its job has it; null before the end. */
function endOf(report: BacktestReport | null, jobState?: string): string | null {
  if (report !== null && isTerminal(report)) return report.status ?? null;
  return jobState === 'completed' || jobState === 'failed' ? jobState : null;
}

function listedOf(state: Awaited<ReturnType<Job['getState']>>): Listed {
  if (state === 'completed' || state === 'failed') return 'finished';
  return state === 'active' || state === 'delayed' ? state : 'waiting';
}

async function isReady(redis: Commands): Promise<void> {
  if (redis.status !== 'ready') await once(redis, 'ready', { signal: AbortSignal.timeout(CONNECT_WITHIN_MS) });
}
