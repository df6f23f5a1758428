import { DEAD_LETTERS_QUEUE, openQueue } from '@tickcast/jobs';
import type { Job, Queue } from 'bullmq';
import type { Bus } from '../bus.ts';

/** What an operator finds in the queue `dead-letters`: a job that failed for good, ready to be put in again. */
export interface DeadLetter {
  queue: string;
  id: string;
  name: string;
  data: unknown;
  error: string;
  /** How often it was tried. */
  attempts: number;
  /** Unix seconds, by the clock of the worker. */
  failedAt: number;
}

/** A job that fails each time it is scheduled must not fill Redis. */
const KEPT = 10_000;
/** What is over that is dropped with the next ones: burying one job stays quick. */
const DROPPED_AT_ONCE = 100;

/** For {@link buryJob}. */
export function openDeadLetters(bus: Bus): Queue<DeadLetter> {
  return openQueue<DeadLetter>(DEAD_LETTERS_QUEUE, bus);
}

/** Copies a job into the dead letters, once however often it is called. The newest 10,000 are kept. */
export async function buryJob(letters: Queue<DeadLetter>, job: Job, error: Error): Promise<void> {
  const letter: DeadLetter = {
    queue: job.queueName,
    id: job.id ?? '',
    name: job.name,
    data: job.data,
    error: error.message,
    attempts: job.attemptsMade + 1,
    failedAt: Date.now() / 1000,
  };
  // BullMQ allows no colon in an id, and those of a scheduler's jobs have some.
  await letters.add(job.name, letter, { jobId: `${letter.queue}-${letter.id.replaceAll(':', '.')}` });
  await dropOldest(letters);
}

async function dropOldest(letters: Queue<DeadLetter>): Promise<void> {
  const surplus = Math.min((await letters.getWaitingCount()) - KEPT, DROPPED_AT_ONCE);
  if (surplus <= 0) return;
  const oldest = await letters.getJobs(['wait'], 0, surplus - 1, true);
  await Promise.all(oldest.map(({ id = '' }) => letters.remove(id)));
}
