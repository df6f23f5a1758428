import { setTimeout as sleep } from 'node:timers/promises';

/** Many quotes a second cost little when those of one turn go out together; nobody sees 10 ms in a quote. */
const TURN_MS = 10;
/** Quotes of a moment that is longer gone are not made up for: after a pause there would be a burst of them. */
const MAX_LATE_MS = 250;

/**
 * When things are due, one after the other. Each is counted from when the one before was due, not from when it was done, so
 * the pace does not drift.
 */
export class Schedule {
  #dueAt = performance.now();

  /** The next thing is due so much later than the one before. */
  later(ms: number): void {
    this.#dueAt += ms;
  }

  get isDue(): boolean {
    const late = performance.now() - this.#dueAt;
    if (late > MAX_LATE_MS) this.#dueAt += late;
    return late >= 0;
  }

  /** Resolves when the next thing is due, but not in the same turn; or when aborted. */
  async turn(signal: AbortSignal): Promise<void> {
    const ms = Math.max(TURN_MS, this.#dueAt - performance.now());
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
