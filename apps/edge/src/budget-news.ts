import type { SeatBudget } from '@tickcast/backplane';

/** How long a client that comes back waits for the node it was at to tell of its bucket. */
const TELL_WITHIN_MS = 150;

/**
 * What the nodes tell each other of the buckets of seats taken over. Redis knows a bucket only as of the last renewal, and
 * the node that a client comes back from may be alive or have crashed: only its word shows which.
 */
export class BudgetNews {
  readonly #told = new Map<string, number>();
  readonly #listening = new Map<string, (deficitMs: number) => void>();

  told({ id, gen, deficitMs }: SeatBudget): void {
    const name = `${id} ${gen}`;
    this.#listening.get(name)?.(deficitMs);
    // It may come before the answer to the take that it belongs to, but not much.
    this.#told.set(name, deficitMs);
    setTimeout(() => this.#told.delete(name), TELL_WITHIN_MS).unref();
  }

  /** The bucket of a seat as its node left it, ms until full; null when nobody tells within 150 ms. */
  async of(id: string, gen: number): Promise<number | null> {
    const name = `${id} ${gen}`;
    const known = this.#told.get(name);
    if (known !== undefined) return known;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<number | null>((resolve) => {
        timer = setTimeout(() => resolve(null), TELL_WITHIN_MS);
        this.#listening.set(name, resolve);
      });
    } finally {
      clearTimeout(timer);
      this.#listening.delete(name);
    }
  }
}
