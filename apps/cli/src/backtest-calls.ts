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

const EXPECTED = new Set([
  'id_taken',
  'unknown_backtest',
  'already_finished',
  'backplane_unavailable',
  'function_unavailable',
]);

function explain(cause: unknown): unknown {
  if (!(cause instanceof Error) || !('code' in cause)) return cause;
  if (cause.code === 'invalid_request') return new UsageError(cause.message, { cause });
  if (!EXPECTED.has(String(cause.code))) return cause;
  const advice =
    cause.code === 'backplane_unavailable' ? ': is it running there? Else set TICKCAST_REDIS_URL to where it runs' : '';
  return new CommandError(`${cause.message}${advice}`, { cause });
}
