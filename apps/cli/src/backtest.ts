import { backtestCancelCommand } from './backtest-cancel.ts';
import { backtestFollowCommand } from './backtest-follow.ts';
import { backtestListCommand } from './backtest-list.ts';
import { backtestRunCommand } from './backtest-run.ts';
import type { Settings } from './config.ts';
import { UsageError } from './failures.ts';

const COMMANDS = new Map<string | undefined, (args: string[], settings: Settings) => Promise<void>>([
  ['run', backtestRunCommand],
  ['follow', backtestFollowCommand],
  ['list', backtestListCommand],
  ['cancel', backtestCancelCommand],
]);

/** `tickcast backtest`: submits backtests to the workers, and looks after them. */
export async function backtestCommand([name, ...args]: string[], settings: Settings): Promise<void> {
  const command = COMMANDS.get(name);
  if (command === undefined) throw new UsageError(`backtest takes one of ${[...COMMANDS.keys()].join(', ')}`);
  await command(args, settings);
}
