/**
 * Lets a bounded number of tasks run at once, the others in order of arrival. Once a task fails, those waiting fail with
 * it: where one call found Redis away, a thousand more would only find out later.
 */
export class Turnstile {
  readonly #width: number;
  readonly #waiting: Array<{ enter: () => void; turnAway: (reason: unknown) => void }> = [];
  #inside = 0;

  constructor(width: number) {
    this.#width = width;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#width) {
      await new Promise<void>((enter, turnAway) => this.#waiting.push({ enter, turnAway }));
    } else this.#inside += 1;
    try {
      return await task();
    } catch (error) {
      for (const { turnAway } of this.#waiting.splice(0)) turnAway(error);
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next) next.enter();
      else this.#inside -= 1;
    }
  }
}
