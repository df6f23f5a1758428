import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Milliseconds until it is given up, 5000 when absent. Time in which this process stood still does not count. */
  withinMs?: number;
  /** Checked after a failed attempt: true ends the waiting at once. */
  giveUp?: () => boolean;
}

const EVERY_MS = 20;
/** On a busy machine a process gets its turn later, but not so much later. */
const STOOD_STILL_MS = 250;

/**
 * Calls `check` every 20 ms until it neither throws nor answers `false`, and resolves with its answer.
 *
 * @throws the last error of `check` once the time is over
 */
export async function eventually<T>(check: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { withinMs = 5000, giveUp = () => false } = options;
  let deadline = performance.now() + withinMs;
  for (;;) {
    let failure: unknown;
    try {
      const answer = await check();
      if (answer !== false) return answer;
      failure = new Error('the condition stayed false');
    } catch (error) {
      failure = error;
    }
    if (giveUp()) throw failure;
    if (performance.now() >= deadline) {
      const why = failure instanceof Error ? failure.message : String(failure);
      throw new Error(`not within ${withinMs} ms: ${why}`, { cause: failure });
    }
    const sleptAt = performance.now();
    await sleep(EVERY_MS);
    // Mostly its whole machine stood still, so that nobody could bring about what is waited for.
    const lateMs = performance.now() - sleptAt - EVERY_MS;
    if (lateMs > STOOD_STILL_MS) deadline += lateMs;
  }
}
