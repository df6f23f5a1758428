import type { Queue } from 'bullmq';

/** How a queue stands. */
export interface QueueFigures {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  /** Since the job that has waited longest was put in, by this machine's clock; 0 when none waits. */
  readonly oldestWaitingSeconds: number;
}

/** Of those with a priority: each may be the oldest, and all are read. */
const LOOKED_AT = 100;

/** How many jobs wait, with a priority or without. Waits as long as the queue's connection does. */
export async function countWaiting(queue: Queue): Promise<number> {
  const { wait = 0, prioritized = 0 } = await queue.getJobCounts('wait', 'prioritized');
  return wait + prioritized;
}

/** Reads how a queue stands; of jobs with a priority, the age of the next 100. Waits as long as the queue's connection does. */
export async function readQueueFigures(queue: Queue): Promise<QueueFigures> {
  const [counts, next, prioritized] = await Promise.all([
    queue.getJobCounts('wait', 'prioritized', 'active', 'delayed', 'failed'),
    queue.getJobs(['wait'], 0, 0, true),
    queue.getJobs(['prioritized'], 0, LOOKED_AT - 1, true),
  ]);
  const count = (state: string): number => counts[state] ?? 0;
  // A job that was delayed waits since then.
  const waitingSince = [...next, ...prioritized].map(({ timestamp, delay }) => timestamp + delay);
  const now = Date.now();
  return {
    waiting: count('wait') + count('prioritized'),
    active: count('active'),
    delayed: count('delayed'),
    failed: count('failed'),
    oldestWaitingSeconds: (now - Math.min(now, ...waitingSince)) / 1000,
  };
}
