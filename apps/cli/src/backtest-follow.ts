import { setTimeout as sleep } from 'node:timers/promises';
import type { Commands } from '@tickcast/backplane';
import { type BacktestReport, isTerminal, readReport } from '@tickcast/jobs';
import { parseCommand } from './arguments.ts';
import { backtestIdArgument, withBacktests } from './backtest-calls.ts';
import { createProgressDisplay, type ProgressDisplay } from './backtest-progress.ts';
import { explainSilence } from './backtest-silence.ts';
import { summaryTable } from './backtest-summary.ts';
import type { Settings } from './config.ts';
import { CommandError } from './failures.ts';
import { withRedis } from './redis.ts';

const LOOK_EVERY_MS = 250;
/** A running backtest reports so often, unless one of its days takes longer. */
const SILENCE_MS = 10_000;

/** `tickcast backtest follow`: shows how far a backtest is until it ends, and what came of it. */
export async function backtestFollowCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('backtest follow', args);
  const id = backtestIdArgument('follow', positionals);
  await checkThereIs(id, settings);
  await followToEnd(id, settings, { json: values.json });
}

/**
 * Shows the progress of a backtest on stderr and its summary on stdout. It reads the last value in Redis, which outlives
 * workers and edges; the backtest does not notice who follows it.
 *
 * @throws CommandError when it ends otherwise than completed, no end can come, or the process is interrupted
 */
export async function followToEnd(id: string, settings: Settings, { json }: { json: boolean }): Promise<void> {
  const display = createProgressDisplay(process.stderr);
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let end: BacktestReport;
  try {
    end = await withRedis(settings.redisUrl, (redis) => follow(id, settings, { redis, display, interruption }));
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    const commands = `follow it again with \`tickcast backtest follow ${id}\`, end it with \`tickcast backtest cancel ${id}\``;
    throw new CommandError(`backtest ${id} goes on: ${commands}`, { cause: error });
  } finally {
    display.end();
  }
  const { status, result, error } = end;
  if (json) console.log(JSON.stringify({ backtest_id: id, status, result, error }));
  if (status === 'failed') throw new CommandError(`backtest ${id} failed: ${error ?? 'it did not say why'}`);
  if (status !== 'completed') throw new CommandError(`backtest ${id} was ${status} at ${end.current_date}`);
  if (!json) console.log(summaryTable(result));
}

interface Following {
  redis: Commands;
  display: ProgressDisplay;
  interruption: AbortController;
}

async function follow(
  id: string,
  settings: Settings,
  { redis, display, interruption }: Following,
): Promise<BacktestReport> {
  const look = (): Promise<BacktestReport | null | 'away'> => lookUp(redis, settings, id);
  let shown = '';
  let heardAt = performance.now();
  for (;;) {
    const report = await look();
    const text = JSON.stringify(report);
    if (report === 'away') display.note('Redis does not answer: waiting for it');
    else if (report !== null && text !== shown) {
      display.show(report);
      if (isTerminal(report)) return report;
      shown = text;
      heardAt = performance.now();
    } else if (performance.now() - heardAt > SILENCE_MS) {
      display.note(await explainSilence(id, settings, look));
      heardAt = performance.now();
    }
    await sleep(LOOK_EVERY_MS, undefined, { signal: interruption.signal });
  }
}

/** What it reported last; null when it did not yet, `away` when Redis does not say. */
async function lookUp(
  redis: Commands,
  { redisPrefix }: Settings,
  backtestId: string,
): Promise<BacktestReport | null | 'away'> {
  try {
    return await readReport({ redis, redisPrefix, backtestId });
  } catch (error) {
    if ((error as { code?: unknown }).code === 'backplane_unavailable') return 'away';
    throw new CommandError((error as Error).message, { cause: error });
  }
}

/** @throws CommandError when no such backtest waits, runs or has ended lately */
async function checkThereIs(id: string, settings: Settings): Promise<void> {
  if ((await withBacktests(settings, (backtests) => backtests.find(id))) !== null) return;
  // One that was cancelled before a worker had it has left the queue.
  const report = await withRedis(settings.redisUrl, (redis) => lookUp(redis, settings, id));
  if (report !== null) return;
  throw new CommandError(`there is no backtest ${id}: \`tickcast backtest list\` shows those there are`);
}
