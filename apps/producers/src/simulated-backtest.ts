import type { PublishedBacktestProgress } from '@tickcast/protocol';

const ID = 'bt_simulation';
const FIRST_DAY = Date.UTC(2021, 0, 1);
const TOTAL_DAYS = 1095;
const DAYS_A_REPORT = 73;
const DAY_MS = 86_400_000;

/**
 * The reports of a backtest that tests nothing: fifteen steps to the end, the last one `completed`, then from the start.
 *
 * @param reportSeconds time between two reports, from which the remaining time is told
 */
export function* simulatedBacktest(reportSeconds: number): Generator<PublishedBacktestProgress, never> {
  for (;;) {
    for (let days = 0; days <= TOTAL_DAYS; days += DAYS_A_REPORT) {
      yield {
        type: 'backtest_progress',
        backtest_id: ID,
        data: {
          status: days === TOTAL_DAYS ? 'completed' : 'running',
          progress: Number((days / TOTAL_DAYS).toFixed(4)),
          current_date: new Date(FIRST_DAY + days * DAY_MS).toISOString().slice(0, 10),
          total_days: TOTAL_DAYS,
          completed_days: days,
          estimated_remaining: ((TOTAL_DAYS - days) / DAYS_A_REPORT) * reportSeconds,
        },
      };
    }
  }
}
