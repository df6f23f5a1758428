import { createHash } from 'node:crypto';
import type { BacktestReport } from '@tickcast/jobs';
import type { DailyBar } from '../market/daily-bars.ts';
import { BacktestRefusedError } from './errors.ts';

/** Tells bars from all others: their days, prices and volumes. */
export function fingerprintOf(bars: readonly DailyBar[]): string {
  const hash = createHash('sha256');
  for (const { date, open, high, low, close, volume } of bars) {
    hash.update(`${date} ${open} ${high} ${low} ${close} ${volume}\n`);
  }
  return hash.digest('base64url');
}

/**
 * Keeps figures of two kinds of bars from getting into one backtest, and its progress from going back.
 *
 * @throws BacktestRefusedError when they are other bars than those it began with
 */
export function refuseOtherBars(isSame: boolean): void {
  if (!isSame) throw new BacktestRefusedError('data: the bars have changed while it ran: submit it again');
}

/** Whether bars can be those that a report was made of. The report knows how many there were, and one of the days. */
export function mayBeOf(
  { total_days: days, completed_days: completed, current_date: date }: BacktestReport,
  bars: readonly DailyBar[],
): boolean {
  return bars.length === days && bars[Math.max(0, completed - 1)]?.date === date;
}
