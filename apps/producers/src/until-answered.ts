import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 250;

/**
 * Asks Redis until it answers: an outage is no fault of what asks.
 *
 * @param isFinal whether an error is an answer, to be thrown: asking again would not help
 * @throws what is final; the signal's reason once it is aborted
 */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
  isFinal: (error: unknown) => boolean = () => false,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      if (isFinal(error)) throw error;
      await sleep(RETRY_MS, undefined, { signal });
    }
  }
}
