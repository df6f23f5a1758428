/** Resolves when it is the caller's turn to compute for a moment. */
export type Turns = () => Promise<void>;

/**
 * Gives one caller a turn of the event loop, in the order they ask: however many backtests run, what else the process
 * does waits for one slice at most.
 */
export function createTurns(): Turns {
  let last = Promise.resolve();
  return () => {
    last = last.then(() => new Promise((resolve) => setImmediate(resolve)));
    return last;
  };
}
