import type { Backtest } from './engine.ts';

type Days = Pick<Backtest, 'completedDays' | 'totalDays'>;

/** When a backtest reports: with each percent, and every 10 s; at most 10 times a second, and never the same twice. */
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
  const percent = (days: number, total: number): number => Math.floor((100 * days) / total);
  return {
    isDue({ completedDays, totalDays }) {
      if (completedDays <= lastDays) return false;
      const silentMs = now() - lastAt;
      if (silentMs < PAUSE_MS) return false;
      return silentMs >= EVERY_MS || percent(completedDays, totalDays) > percent(lastDays, totalDays);
    },
    reported({ completedDays }) {
      lastDays = completedDays;
      lastAt = now();
    },
  };
}
