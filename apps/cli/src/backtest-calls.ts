import { isKey } from '@tickcast/protocol';
import { type Backtests, createBacktests } from '@tickcast/jobs';
import type { Settings } from './config.ts';
import { CommandError, UsageError } from './failures.ts';

/** The one argument ID of a command. @throws UsageError when it is absent, no id, or not alone */
export function backtestIdArgument(command: string, positionals: readonly string[]): string {
  const [id, ...others] = positionals;
  if (id !== undefined && isKey(id) && others.length === 0) return id;
  throw new UsageError(`backtest ${command} takes the ID of a backtest, such as bt_123456`);
}

/**
 * Runs `work` with a connection to the queue, and closes it.
 *
 * @throws UsageError when the request is not good, CommandError for what else the workers' side can't do
 */
export async function withBacktests<T>(settings: Settings, work: (backtests: Backtests) => Promise<T>): Promise<T> {
  const backtests = createBacktests(settings);
  try {
    return await work(backtests);
  } catch (error) {
    throw explain(error);
  } finally {
    await backtests.close();
  }
}

/** What to do about a call that failed, by its code; the others say it themselves. */
const ADVICE: Readonly<Record<string, string>> = {
  id_taken: '',
  unknown_backtest: ': `tickcast backtest list` shows those there are',
  already_finished: '',
  backplane_unavailable: ': is it running there? Else set TICKCAST_REDIS_URL to where it runs',
  function_unavailable: '',
};

function explain(cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause)) return cause;
  if (cause.code === 'invalid_request') return new UsageError(cause.message, { cause });
  const advice = ADVICE[String(cause.code)];
  return advice === undefined ? cause : new CommandError(`${cause.message}${advice}`, { cause });
}
