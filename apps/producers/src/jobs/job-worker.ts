import { once, setMaxListeners } from 'node:events';
import { type HeldLease, withDeadline } from '@tickcast/backplane';
import { closeQueue, JOB_OPTIONS, jobKey, jobLockKey, queuePrefix, workerConnection } from '@tickcast/jobs';
import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Bus } from '../bus.ts';
import { hasCode } from '../errors.ts';
import { buryJob, openDeadLetters } from './dead-letters.ts';
import type { JobMetrics } from './job-metrics.ts';
import { keepLock } from './job-lock.ts';

/** A worker that dies is noticed when the lock of its job has ended, at the next check: within 8 s. */
const LOCK_MS = 5000;
const STALLED_CHECK_MS = 3000;
/** A job that took down so many workers without getting any further is not given to another. */
const MAX_STALLS = 10;
const STOP_WITHIN_MS = 4000;

/** A job while this worker has it. */
export interface JobInHand<Data> {
  readonly job: Job<Data>;
  /** The job's lock: what is published with it is published only if no other worker has taken the job over. */
  readonly held: HeldLease;
  /** Aborts when the worker stops or has lost the job. Then throw anything: the job goes on elsewhere. */
  readonly signal: AbortSignal;
  /**
   * Keeps how far the job has come, where the worker that goes on with it finds it: as the job's `progress`. Call it
   * only when it has got further, as then the job is not what took the workers before down.
   */
  save(progress: object): Promise<void>;
}

interface JobWorkerOptions<Data> {
  bus: Bus;
  queue: string;
  concurrency: number;
  metrics: JobMetrics;
  /**
   * Does a job, or goes on with one. A throw is an attempt that failed: it is tried again, as its options say.
   *
   * @throws UnrecoverableError when trying again would not help
   */
  work: (inHand: JobInHand<Data>) => Promise<unknown>;
  /** Called when a job has failed for good, before that is written down: perhaps once more, by another worker. */
  onFailed: (inHand: JobInHand<Data>, error: Error) => Promise<void>;
}

/** What a job's `progress` holds besides what `save` was given: how often its workers had died by then. */
interface SavedProgress {
  stalls?: number;
}

/**
 * Does the jobs of a queue until aborted; then those in hand are handed back, so that another worker goes on at once.
 * A job runs at least once, and for a moment perhaps in two workers: only one of them holds its lock.
 */
export async function runJobWorker<Data>(options: JobWorkerOptions<Data>, signal: AbortSignal): Promise<void> {
  const { bus, queue, concurrency, metrics, work, onFailed } = options;
  await firstUp(bus, signal);
  if (signal.aborted) return;
  const log = bus.log.child({ queue });
  const letters = openDeadLetters(bus);
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);

  async function attempt(inHand: JobInHand<Data>): Promise<unknown> {
    const { job } = inHand;
    try {
      inHand.signal.throwIfAborted();
      refuseWhatKills(job);
      return await work(inHand);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (inHand.signal.aborted || hasCode(error, 'lease_lost')) throw error;
      if (!isFinal(job, error)) {
        metrics.retried.inc({ queue });
        log.warn({ job: job.id, problem: error.message }, 'a job failed and will be tried again');
        throw error;
      }
      await tellFailed(inHand, error);
      await buryJob(letters, job, error);
      metrics.deadLettered.inc({ queue });
      log.error({ job: job.id, problem: error.message }, 'a job failed for good: it is in the dead letters');
      throw new UnrecoverableError(error.message);
    }
  }

  /** What can't be told must not keep the job from its end. */
  async function tellFailed(inHand: JobInHand<Data>, error: Error): Promise<void> {
    try {
      await onFailed(inHand, error);
    } catch (refused) {
      if (inHand.signal.aborted || hasCode(refused, 'lease_lost')) throw refused;
      log.error({ job: inHand.job.id, problem: (refused as Error).message }, 'that a job failed could not be told');
    }
  }

  async function take(job: Job<Data>, token: string | undefined): Promise<unknown> {
    log.debug({ job: job.id }, 'took a job');
    const held = { key: jobLockKey(bus.redisPrefix, queue, job.id ?? ''), holder: token ?? '' };
    const lock = keepLock(job, held.holder, LOCK_MS);
    const ended = AbortSignal.any([stop.signal, lock.lost]);
    setMaxListeners(0, ended);
    const save = async (progress: object): Promise<void> => {
      if (!lock.lost.aborted) await job.updateProgress({ ...progress, stalls: job.stalledCounter });
    };
    try {
      return await attempt({ job, held, signal: ended, save });
    } catch (error) {
      // To BullMQ, WaitingError says that the job is not its to end.
      if (lock.lost.aborted || hasCode(error, 'lease_lost')) {
        log.warn({ job: job.id }, await whyLost(job));
        throw new WaitingError();
      }
      if (!stop.signal.aborted) throw error;
      await handBack(job, held.holder);
      throw new WaitingError();
    } finally {
      lock.release();
    }
  }

  async function whyLost({ id = '' }: Job): Promise<string> {
    const isThere = await bus.redis.exists(jobKey(bus.redisPrefix, queue, id)).catch(() => 1);
    if (isThere === 1) return 'lost the lock of a job: another worker goes on with it';
    return 'Redis does not know a job any more that was under way: nobody goes on with it';
  }

  async function handBack(job: Job, token: string): Promise<void> {
    try {
      await job.moveToWait(token);
      log.info({ job: job.id }, 'handed a job back');
    } catch (error) {
      log.warn({ job: job.id, problem: (error as Error).message }, 'could not hand a job back: others will find it');
    }
  }

  const worker = new Worker<Data>(queue, take, {
    connection: workerConnection(bus.redisUrl),
    prefix: queuePrefix(bus.redisPrefix),
    concurrency,
    lockDuration: LOCK_MS,
    // BullMQ's own mixes two runs of a job up when both are in this process.
    skipLockRenewal: true,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    runRetryDelay: 1000,
    // Of jobs that were put in without options.
    removeOnComplete: JOB_OPTIONS.removeOnComplete,
    removeOnFail: JOB_OPTIONS.removeOnFail,
  });
  worker.on('stalled', () => metrics.stalled.inc({ queue }));
  const said = new Set<string>();
  worker.on('error', ({ message }) => {
    // The bus tells of a Redis that is away, and `take` of a lock that is lost.
    if (!bus.up || /lock|connection/i.test(message) || said.has(message)) return;
    said.add(message);
    log.warn({ problem: message }, 'a queue does not work as it should');
  });

  if (!signal.aborted) await once(signal, 'abort');
  // In this order: a worker that is not closing would take a job that was handed back again.
  const closed = worker.close();
  stop.abort(new Error('the worker stops'));
  try {
    await withDeadline(closed, STOP_WITHIN_MS, () => new Error('the jobs in hand took too long'));
  } catch (error) {
    log.warn({ problem: (error as Error).message }, 'could not end in time: other workers will find the jobs in hand');
    worker.disconnect().catch(() => undefined);
  }
  await closeQueue(letters);
}

function refuseWhatKills(job: Job): void {
  const { stalls: stallsSaved = 0 } = (job.progress ?? {}) as SavedProgress;
  const stalls = job.stalledCounter - stallsSaved;
  if (stalls <= MAX_STALLS) return;
  throw new UnrecoverableError(`its worker died ${stalls} times in a row: not tried again`);
}

function isFinal(job: Job, error: Error): boolean {
  return error instanceof UnrecoverableError || job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
}

/** Resolves when Redis is there for the first time, or the signal is aborted: BullMQ can't be closed before it is. */
function firstUp(bus: Bus, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = bus.onUp(() => {
      resolve();
      queueMicrotask(() => end());
    });
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}
