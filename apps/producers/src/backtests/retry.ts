import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 250;

/** Asks Redis until it answers: an outage is no fault of a job. @throws the signal's reason once it is aborted */
export async function untilAnswered<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch {
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}
