import { noArguments, parseCommand } from './arguments.ts';
import { withBacktests } from './backtest-calls.ts';
import { followToEnd } from './backtest-follow.ts';
import { readRequest } from './backtest-request.ts';
import type { Settings } from './config.ts';

/** `tickcast backtest run`: submits a backtest, and follows it unless it is told not to. */
export async function backtestRunCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('backtest run', args);
  noArguments('backtest run', positionals);
  const request = readRequest(values);
  const id = await withBacktests(settings, (backtests) => backtests.submit(request, values.id));
  if (values.detach) console.log(values.json ? JSON.stringify({ backtest_id: id }) : id);
  else {
    console.error(`submitted ${id}`);
    await followToEnd(id, settings, { json: values.json });
  }
}
