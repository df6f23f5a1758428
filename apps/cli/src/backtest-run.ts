import { parseCommand } from './arguments.ts';
import { withBacktests } from './backtest-calls.ts';
import { followToEnd } from './backtest-follow.ts';
import { readRequest, REQUEST_OPTIONS } from './backtest-request.ts';
import type { Settings } from './config.ts';
import { UsageError } from './failures.ts';

/** `tickcast backtest run`: submits a backtest, and follows it unless it is told not to. */
export async function backtestRunCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand(args, {
    ...REQUEST_OPTIONS,
    id: { type: 'string' },
    detach: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  });
  if (positionals.length > 0) throw new UsageError(`backtest run takes no argument "${positionals[0]}"`);
  const request = readRequest(values);
  const id = await withBacktests(settings, (backtests) => backtests.submit(request, values.id));
  if (values.detach) console.log(values.json ? JSON.stringify({ backtest_id: id }) : id);
  else {
    console.error(`submitted ${id}`);
    await followToEnd(id, settings, { json: values.json });
  }
}
