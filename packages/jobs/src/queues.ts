import { reconnectDelay, withDeadline } from '@tickcast/backplane';
import { Queue, type RedisOptions } from 'bullmq';

/** Jobs that are {@link BacktestRequest}s. */
export const BACKTESTS_QUEUE = 'backtests';
/** Copies of jobs that failed for good. No worker takes them: an operator does. */
export const DEAD_LETTERS_QUEUE = 'dead-letters';

/** The queue of one agent's own jobs, whose length it reports. */
export function agentQueueName(agentId: string): string {
  return `agent-${agentId}`;
}

/**
 * BullMQ's option `prefix`. The braces put all queues into one slot, as its scripts need.
 *
 * @param redisPrefix as in `TICKCAST_REDIS_PREFIX`, with the `:` at its end
 */
export function queuePrefix(redisPrefix: string): string {
  return `${redisPrefix}{jobs}`;
}

/** Redis key of a job itself. */
export function jobKey(redisPrefix: string, queue: string, jobId: string): string {
  return `${queuePrefix(redisPrefix)}:${queue}:${jobId}`;
}

/** Redis key of BullMQ's lock of a job: its value is the token of the worker that has the job, while it has it. */
export function jobLockKey(redisPrefix: string, queue: string, jobId: string): string {
  return `${jobKey(redisPrefix, queue, jobId)}:lock`;
}

export interface QueueOptions {
  redisUrl: string;
  redisPrefix: string;
}

const shared = {
  // RESP3 and CLIENT SETINFO bring nothing here, and Redis 7.0 answers the latter with an error.
  protocol: 2,
  disableClientInfo: true,
  keepAlive: 10_000,
} satisfies RedisOptions;

/**
 * BullMQ's option `connection` for what runs on and on: it reconnects for ever, and commands wait meanwhile. A
 * connection on which nothing comes back for 12 s is given up: a worker that waits for jobs hears something every 10 s.
 */
export function workerConnection(redisUrl: string): RedisOptions {
  return {
    ...shared,
    url: redisUrl,
    maxRetriesPerRequest: null,
    connectTimeout: 2000,
    disconnectTimeout: 200,
    socketTimeout: 12_000,
    retryStrategy: reconnectDelay,
  };
}

/** BullMQ's option `connection` for one call: without Redis it fails within 3 s. */
export function callerConnection(redisUrl: string): RedisOptions {
  return {
    ...shared,
    url: redisUrl,
    maxRetriesPerRequest: 0,
    connectTimeout: 3000,
    commandTimeout: 3000,
    disconnectTimeout: 200,
    retryStrategy: () => null,
  };
}

/** How jobs of the queue are tried, and how long what came of them is kept. */
export const JOB_OPTIONS = {
  attempts: 5,
  backoff: { type: 'exponential', delay: 1000, jitter: 0.5 },
  removeOnComplete: { age: 7 * 24 * 3600, count: 1000 },
  removeOnFail: { age: 7 * 24 * 3600, count: 1000 },
} as const;

/**
 * Opens a queue. That Redis is away reaches callers as commands that fail or wait, as the connection has it.
 *
 * @param connection for a process that runs on and on when absent; see {@link workerConnection}
 */
export function openQueue<Data = unknown>(
  name: string,
  { redisUrl, redisPrefix }: QueueOptions,
  connection: RedisOptions = workerConnection(redisUrl),
): Queue<Data> {
  const queue = new Queue<Data>(name, {
    connection,
    prefix: queuePrefix(redisPrefix),
    defaultJobOptions: JOB_OPTIONS,
  });
  // Without a listener Node would print each, or end the process.
  queue.on('error', () => undefined);
  return queue;
}

const CLOSE_WITHIN_MS = 1000;

/** Closes a queue, by force where Redis does not answer: BullMQ alone would wait for it. */
export async function closeQueue(queue: Queue): Promise<void> {
  const closed = queue.close().catch(() => undefined);
  await withDeadline(closed, CLOSE_WITHIN_MS).catch(() => {
    queue.disconnect().catch(() => undefined);
  });
}
