import { TickcastError } from './errors.ts';
import type { ClientEvents, Emit } from './events.ts';

type Callback = (event: unknown) => void;

/**
 * The callbacks of a client. Each gets its events one at a time and in order, and never in the turn in which they came:
 * whatever it does, the reader goes on.
 */
export class Listeners {
  readonly #callbacks = new Map<keyof ClientEvents, Set<Callback>>();

  /** @returns takes the callback away again */
  on<Name extends keyof ClientEvents>(name: Name, call: (event: ClientEvents[Name]) => unknown): () => void {
    const callbacks = this.#callbacks.get(name) ?? new Set();
    this.#callbacks.set(name, callbacks);
    let turn = Promise.resolve();
    const callback = (event: unknown) => {
      turn = this.#call(turn, name, () => call(event as ClientEvents[Name]));
    };
    callbacks.add(callback);
    return () => callbacks.delete(callback);
  }

  readonly emit: Emit = (name, event) => {
    for (const callback of this.#callbacks.get(name) ?? []) callback(event);
  };

  async #call(before: Promise<void>, name: keyof ClientEvents, call: () => unknown): Promise<void> {
    await before;
    try {
      await call();
    } catch (cause) {
      const error = new TickcastError('handler_failed', `Callback for ${name} threw.`, { cause });
      // A callback for errors that throws at each would be told of itself for ever.
      if (name !== 'error') this.emit('error', error);
    }
  }
}
