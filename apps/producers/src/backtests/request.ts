import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { type BacktestRequest, checkBacktestRequest } from '@tickcast/jobs';
import { hasCode } from '../errors.ts';
import type { DailyBar } from '../market/daily-bars.ts';
import { MarketFileError, readDailyBars } from '../market/market-file.ts';
import { BacktestRefusedError } from './engine.ts';

/** @throws BacktestRefusedError naming every field that is not good */
export function parseRequest(data: unknown): BacktestRequest {
  const problems = checkBacktestRequest(data);
  if (problems.length > 0) throw new BacktestRefusedError(problems.join('; '));
  return data as BacktestRequest;
}

/**
 * @throws BacktestRefusedError when there is no such file, it is not good, or has nothing of the symbol in these days;
 * another error when it can't be read now
 */
export async function readBars(directory: string, request: BacktestRequest): Promise<DailyBar[]> {
  const { data, symbol, from, to } = request;
  const path = join(directory, data);
  try {
    await access(path);
  } catch (error) {
    // Anything else, such as a disk that is away, may be over when it is tried again.
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTDIR')) throw error;
    throw new BacktestRefusedError(`data: there is no file ${data} in the workers' data directory`);
  }
  let bars: DailyBar[];
  try {
    bars = await readDailyBars(path, symbol, from, to);
  } catch (error) {
    if (!(error instanceof MarketFileError) || isReadingTrouble(error.cause)) throw error;
    // Where the directory is concerns nobody outside.
    throw new BacktestRefusedError(`data: ${error.message.replaceAll(path, data)}`, { cause: error });
  }
  if (bars.length > 0) return bars;
  throw new BacktestRefusedError(
    `${data} has no bars of ${symbol} from ${from} to ${to}: choose another symbol or other days`,
  );
}

function isReadingTrouble(cause: unknown): boolean {
  return cause instanceof Error && 'syscall' in cause;
}
