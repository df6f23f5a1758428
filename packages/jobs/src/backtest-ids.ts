import { randomBytes } from 'node:crypto';
import { isKey } from '@tickcast/protocol';

const SCHEDULED_JOB = /^repeat:([^:]+):(\d+)$/;
const SCHEDULED_BACKTEST = /^bt_(.+)_(\d+)$/;

/** An id for a backtest that nobody else has; ids sort by the time they were made. */
export function newBacktestId(): string {
  return `bt_${Date.now().toString(36)}${randomBytes(4).toString('hex')}`;
}

/**
 * The id of the backtest that a job is: the job's own, or `bt_NAME_MILLIS` for one of a scheduler.
 *
 * @returns null when that can't be the key of a stream
 */
export function backtestIdOf(jobId: string): string | null {
  const id = jobId.replace(SCHEDULED_JOB, 'bt_$1_$2');
  return isKey(id) ? id : null;
}

/** The ids of jobs that a backtest may be: the reverse of {@link backtestIdOf}. */
export function jobIdsOf(backtestId: string): string[] {
  const scheduled = backtestId.replace(SCHEDULED_BACKTEST, 'repeat:$1:$2');
  return scheduled === backtestId ? [backtestId] : [backtestId, scheduled];
}
