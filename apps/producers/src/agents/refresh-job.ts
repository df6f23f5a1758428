import { agentQueueName, closeQueue, openQueue, queuePrefix, workerConnection } from '@tickcast/jobs';
import { Worker } from 'bullmq';
import type { Bus } from '../bus.ts';

/** The contract says 27 to 30 s; a job is taken within a fraction of a second of its time. */
const EVERY_MS = 28_000;
const SCHEDULER = 'refresh';

export interface RefreshJob {
  /** Puts the scheduler into Redis, where it is not or was lost. */
  schedule(): Promise<void>;
  /** Ends the job, and takes the queue out of Redis. */
  close(): Promise<void>;
}

/** Calls `refresh` every 28 s, by a job scheduler in a queue of this agent's own: nobody else could report for it. */
export function openRefreshJob(bus: Bus, agentId: string, refresh: () => Promise<void>): RefreshJob {
  const name = agentQueueName(agentId);
  const queue = openQueue(name, bus);
  const worker = new Worker(name, refresh, {
    connection: workerConnection(bus.redisUrl),
    prefix: queuePrefix(bus.redisPrefix),
    removeOnComplete: { count: 1 },
    removeOnFail: { count: 1 },
  });
  // The bus tells of a Redis that is away.
  worker.on('error', () => undefined);

  return {
    async schedule() {
      await queue.upsertJobScheduler(SCHEDULER, { every: EVERY_MS }, { name: SCHEDULER });
    },
    async close() {
      await worker.close(true);
      await queue.obliterate({ force: true }).catch(() => undefined);
      await closeQueue(queue);
    },
  };
}
