import { parseCommand } from './arguments.ts';
import { backtestIdArgument, withBacktests } from './backtest-calls.ts';
import type { Settings } from './config.ts';

/** `tickcast backtest cancel`: ends a backtest that waits or runs. */
export async function backtestCancelCommand(args: string[], settings: Settings): Promise<void> {
  const { positionals } = parseCommand('backtest cancel', args);
  const id = backtestIdArgument('cancel', positionals);
  const how = await withBacktests(settings, (backtests) => backtests.cancel(id));
  console.log(how === 'cancelled' ? `${id} is cancelled` : `${id} is being ended by its worker`);
}
