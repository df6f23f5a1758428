import type { Job } from 'bullmq';

interface KeptLock {
  /** Aborts when another worker may have the job. */
  readonly lost: AbortSignal;
  /** Renews it no more. */
  release(): void;
}

/** Renews a job's lock three times in its life. While Redis is away nobody can take the job. */
export function keepLock(job: Job, token: string, lockMs: number): KeptLock {
  const lost = new AbortController();
  let isAsking = false;
  const renew = async (): Promise<void> => {
    if (isAsking) return;
    isAsking = true;
    try {
      if ((await job.extendLock(token, lockMs)) === 0) lost.abort(new Error('another worker may have the job'));
    } catch {
      // Redis did not answer: the next time will tell.
    } finally {
      isAsking = false;
    }
  };
  const timer = setInterval(() => void renew(), lockMs / 3);
  return { lost: lost.signal, release: () => clearInterval(timer) };
}
