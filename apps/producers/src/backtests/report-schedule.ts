import type { Backtest } from './engine.ts';

type Days = Pick<Backtest, 'completedDays' | 'totalDays'>;

/**
 * When a backtest reports: in steps of at most a percent (of a day, where that is more), and every 10 s; at most 10 times a
 * second, and never the same twice.
 */
export interface ReportSchedule {
  isDue(days: Days): boolean;
  reported(days: Days): void;
}

const EVERY_MS = 10_000;
const PAUSE_MS = 100;

/**
 * @param reportedDays the days of the last report of an earlier run; -1 when there was none
 * @param now milliseconds that only grow
 */
export function createReportSchedule(
  reportedDays: number,
  now: () => number = () => performance.now(),
): ReportSchedule {
  let lastDays = reportedDays;
  let lastAt = Number.NEGATIVE_INFINITY;
  const stepOf = (totalDays: number): number => Math.max(1, Math.floor(totalDays / 100));
  return {
    isDue({ completedDays, totalDays }) {
      if (completedDays <= lastDays) return false;
      const silentMs = now() - lastAt;
      if (silentMs < PAUSE_MS) return false;
      return lastDays < 0 || silentMs >= EVERY_MS || completedDays - lastDays >= stepOf(totalDays);
    },
    reported({ completedDays }) {
      lastDays = completedDays;
      lastAt = now();
    },
  };
}
