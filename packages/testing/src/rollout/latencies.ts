import { type Spread, spreadOf } from './spread.ts';

export type Phase = 'before' | 'during' | 'after';

/**
 * How long alerts take from being handed to Redis until a client has them, by when they came. Publisher and clients are one
 * process, so no two clocks are compared.
 */
export class Latencies {
  phase: Phase = 'before';
  /** Of each alert, by its `data.n` less 1, the moment when it was handed to Redis. */
  sentAt: readonly number[] = [];
  readonly #milliseconds: Record<Phase, number[]> = { before: [], during: [], after: [] };

  readonly note = (n: number): void => {
    const sentAt = this.sentAt[n - 1];
    if (sentAt !== undefined) this.#milliseconds[this.phase].push(performance.now() - sentAt);
  };

  spreads(): Record<Phase, Spread> {
    const { before, during, after } = this.#milliseconds;
    return { before: spreadOf(before), during: spreadOf(during), after: spreadOf(after) };
  }
}
