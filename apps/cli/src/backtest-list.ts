import type { BacktestEntry } from '@tickcast/jobs';
import { noArguments, parseCommand } from './arguments.ts';
import { withBacktests } from './backtest-calls.ts';
import type { Settings } from './config.ts';

const HEADINGS = ['ID', 'STATE', 'PROGRESS', 'DAY', 'STRATEGY', 'SYMBOL', 'SUBMITTED'];

/** `tickcast backtest list`: the backtests that wait or run, and the latest that ended. */
export async function backtestListCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('backtest list', args);
  noArguments('backtest list', positionals);
  const entries = await withBacktests(settings, (backtests) => backtests.list());
  console.log(values.json ? JSON.stringify(entries) : listTable(entries));
}

function listTable(entries: readonly BacktestEntry[]): string {
  const rows = [HEADINGS, ...entries.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return entries.length === 0 ? 'there are no backtests' : lines.join('\n');
}

function cells({ id, state, progress, currentDate, request, submittedAt }: BacktestEntry): string[] {
  const percent = `${Math.floor(progress * 100)} %`;
  const submitted = new Date(submittedAt).toISOString().slice(0, 19).replace('T', ' ');
  return [id, state, percent, currentDate, String(request.strategy), String(request.symbol), `${submitted} UTC`];
}
