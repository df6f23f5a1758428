import type { BacktestRequest } from '@tickcast/jobs';
import type { Queue } from 'bullmq';

const SCHEDULER = 'sample';
/** Weekdays from 2021 to 2023, about: so many bars the file has. */
const SAMPLE_DAYS = 781;
const SHARE_OF_INTERVAL = 0.8;

/**
 * Has a backtest of the sample data run again and again, each lasting most of the time until the next, so that there is
 * something to watch. To be called from one worker at a time.
 *
 * @param everySeconds 0: no more
 */
export async function scheduleSampleBacktest(queue: Queue, everySeconds: number): Promise<void> {
  if (everySeconds === 0) {
    await queue.removeJobScheduler(SCHEDULER);
    return;
  }
  const data: BacktestRequest = {
    strategy: 'ma_crossover',
    symbol: '0700.HK',
    from: '2021-01-01',
    to: '2023-12-31',
    params: {},
    data: 'daily-bars.csv',
    days_per_second: Number((SAMPLE_DAYS / (SHARE_OF_INTERVAL * everySeconds)).toFixed(3)),
  };
  await queue.upsertJobScheduler(SCHEDULER, { every: everySeconds * 1000 }, { name: 'backtest', data });
}
