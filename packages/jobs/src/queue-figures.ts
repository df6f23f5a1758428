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

/** Reads how a queue stands. Waits as long as the queue's connection does. */
export async function readQueueFigures(queue: Queue): Promise<QueueFigures> {
  const [counts, [oldest]] = await Promise.all([
    queue.getJobCounts('wait', 'prioritized', 'active', 'delayed', 'failed'),
    queue.getJobs(['wait'], 0, 0, true),
  ]);
  const count = (state: string): number => counts[state] ?? 0;
  return {
    waiting: count('wait') + count('prioritized'),
    active: count('active'),
    delayed: count('delayed'),
    failed: count('failed'),
    oldestWaitingSeconds: oldest === undefined ? 0 : Math.max(0, (Date.now() - oldest.timestamp - oldest.delay) / 1000),
  };
}
