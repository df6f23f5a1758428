/** Counts the time in which this process ran: while the machine stands still nobody can be in time. */
export interface Stopwatch {
  /** Milliseconds so far. */
  ms(): number;
  /** Ends it, and answers the milliseconds. */
  stop(): number;
}

const TICK_MS = 10;
/** What is more than this between two ticks is a pause of the machine's. */
const LATE_MS = 100;

export function startStopwatch(): Stopwatch {
  let ranMs = 0;
  let lastAt = performance.now();
  const ms = () => {
    const now = performance.now();
    ranMs += Math.min(now - lastAt, LATE_MS);
    lastAt = now;
    return ranMs;
  };
  const timer = setInterval(ms, TICK_MS).unref();
  return {
    ms,
    stop() {
      clearInterval(timer);
      return ms();
    },
  };
}
