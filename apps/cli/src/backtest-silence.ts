import { type BacktestEntry, type BacktestReport, isTerminal } from '@tickcast/jobs';
import { withBacktests } from './backtest-calls.ts';
import type { Settings } from './config.ts';
import { CommandError } from './failures.ts';

/**
 * Why a backtest reports nothing; '' where nothing is to be said.
 *
 * @param readReport its last report, as it is now; null for none, `away` when Redis does not say
 * @throws CommandError when no end can come any more
 */
export async function explainSilence(
  id: string,
  settings: Settings,
  readReport: () => Promise<BacktestReport | null | 'away'>,
): Promise<string> {
  let entry: BacktestEntry | null;
  let running: number;
  try {
    [entry, running] = await withBacktests(settings, async (backtests) => {
      const active = (await backtests.list()).filter(({ state }) => state === 'active');
      return [await backtests.find(id), active.length];
    });
  } catch (error) {
    return (error as Error).message;
  }
  if (entry?.state === 'waiting') return explainWaiting(running);
  if (entry?.state === 'delayed') return `it is tried again soon; its last attempt failed: ${entry.error}`;
  if (entry?.state === 'active') return '';
  // Only now: an end is published before its job is over, and before it leaves.
  const report = await readReport();
  if (report === 'away' || (report !== null && isTerminal(report))) return '';
  if (entry !== null) {
    const why = entry.error === '' ? entry.state : `${entry.state}: ${entry.error}`;
    throw new CommandError(`backtest ${id} is over (${why}), but Redis does not have its last report`);
  }
  if (report === null) throw new CommandError(`Redis has lost backtest ${id}: submit it again`);
  return 'no job is behind it: it goes on only if somebody publishes it without one';
}

function explainWaiting(running: number): string {
  if (running > 0) return `no worker has taken it for 10 s: they may be busy (backtests being run: ${running})`;
  return 'no worker has taken it for 10 s: is a producers process running, with the role `backtests`?';
}
