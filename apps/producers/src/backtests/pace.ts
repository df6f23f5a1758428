/** How fast a backtest goes, measured from the moment it was created. */
export interface Pace {
  /** Milliseconds until the next day may begin; 0 when it may already. */
  untilNext(): number;
  /** To be called when a day is over. */
  stepped(): void;
  /** Seconds until the end if it goes on as it has gone; 0 when nothing can be said yet. */
  remaining(daysLeft: number): number;
}

/** What was missed in a longer pause is not made up for: a backtest that is slowed down is to be watched. */
const CATCH_UP_MS = 1000;

/**
 * @param daysPerSecond no faster than this; as fast as it goes when absent
 * @param now milliseconds that only grow
 */
export function createPace(daysPerSecond: number | undefined, now: () => number = () => performance.now()): Pace {
  const startedAt = now();
  const msADay = daysPerSecond === undefined ? 0 : 1000 / daysPerSecond;
  let nextAt = startedAt;
  let days = 0;
  return {
    untilNext: () => (msADay === 0 ? 0 : Math.max(0, nextAt - now())),
    stepped() {
      days += 1;
      nextAt = Math.max(nextAt, now() - CATCH_UP_MS) + msADay;
    },
    remaining(daysLeft) {
      const measured = days === 0 ? 0 : (now() - startedAt) / days;
      return (Math.max(measured, msADay) * daysLeft) / 1000;
    },
  };
}
