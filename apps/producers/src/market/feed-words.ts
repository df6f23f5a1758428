import { accessSync, constants } from 'node:fs';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { normalSymbol } from '@tickcast/protocol';
import { type Hours, HOURS, isDate } from './calendar.ts';
import type { Feed } from './feed.ts';
import { isMarketFile } from './market-file.ts';
import { createReplay } from './replay.ts';
import { createSimulation } from './simulate.ts';
import { MAX_SYMBOLS, someSymbols } from './symbols.ts';

const USAGE = `A feed is one of
  simulate [--symbols N|A,B] [--rate QUOTES_A_SECOND] [--seed N] [--hours ${HOURS.join('|')}] [--holidays DATE,DATE]
  replay FILE [--speed TIMES] [--once] [--max-gap SECONDS]`;

/** The words that name a feed can't be understood. The message says which, and what to write. */
export class FeedWordsError extends Error {
  override readonly name = 'FeedWordsError';
  readonly code = 'feed_words_invalid';

  constructor(problem: string, options?: ErrorOptions) {
    super(`${problem}\n${USAGE}`, options);
  }
}

type Options = NonNullable<ParseArgsConfig['options']>;

const SIMULATE = {
  symbols: { type: 'string', default: '10' },
  rate: { type: 'string', default: '2' },
  seed: { type: 'string', default: '20241118' },
  hours: { type: 'string', default: 'always' },
  holidays: { type: 'string', default: '' },
} as const;

const REPLAY = {
  speed: { type: 'string', default: '1' },
  once: { type: 'boolean', default: false },
  'max-gap': { type: 'string', default: '5' },
} as const;

/**
 * Makes the feed that the words of a command line name.
 *
 * @throws FeedWordsError
 */
export function parseFeed(words: readonly string[]): Feed {
  const [kind, ...rest] = words;
  if (kind === 'simulate') return simulation(rest);
  if (kind === 'replay') return replay(rest);
  throw new FeedWordsError(kind === undefined ? 'The feed is not named.' : `There is no feed "${kind}".`);
}

function simulation(words: string[]): Feed {
  const { values, positionals } = parseWords('simulate', words, SIMULATE);
  if (positionals.length > 0) throw new FeedWordsError(`simulate takes no "${positionals[0]}".`);
  return createSimulation({
    symbols: symbolsIn(values.symbols),
    rate: numberIn('--rate', values.rate, { least: 0.01, most: 100 }),
    seed: numberIn('--seed', values.seed, { least: 0, most: 2 ** 31, whole: true }),
    hours: hoursIn(values.hours),
    holidays: holidaysIn(values.holidays),
  });
}

function replay(words: string[]): Feed {
  const { values, positionals } = parseWords('replay', words, REPLAY);
  const [path, ...more] = positionals;
  if (path === undefined) throw new FeedWordsError('replay needs a FILE.');
  if (more.length > 0) throw new FeedWordsError(`replay takes one FILE: there is no place for "${more[0]}".`);
  if (!isMarketFile(path)) throw new FeedWordsError(`${path} must end in .csv, .ndjson or .jsonl.`);
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new FeedWordsError(`${path} can't be read: ${(error as Error).message}.`, { cause: error });
  }
  return createReplay({
    path,
    speed: numberIn('--speed', values.speed, { least: 0.001, most: 1e6 }),
    once: values.once,
    maxGapSeconds: numberIn('--max-gap', values['max-gap'], { least: 0, most: 86_400 }),
  });
}

function parseWords<T extends Options>(kind: string, args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new FeedWordsError(`${kind}: ${(error as Error).message}.`, { cause: error });
  }
}

function symbolsIn(text: string): string[] {
  if (/^\d+$/.test(text)) return someSymbols(numberIn('--symbols', text, { least: 1, most: MAX_SYMBOLS }));
  const symbols = text.split(',').map((raw) => {
    const symbol = normalSymbol(raw.trim());
    if (symbol === null)
      throw new FeedWordsError(`--symbols must be a number or symbols such as 0700.HK, not "${raw}".`);
    return symbol;
  });
  return [...new Set(symbols)];
}

function hoursIn(text: string): Hours {
  const hours = HOURS.find((known) => known === text);
  if (hours === undefined) throw new FeedWordsError(`--hours must be one of ${HOURS.join(', ')}, not "${text}".`);
  return hours;
}

function holidaysIn(text: string): Set<string> {
  const dates = text.split(',').map((date) => date.trim());
  const wrong = dates.find((date) => !isDate(date));
  if (text !== '' && wrong !== undefined) {
    throw new FeedWordsError(`--holidays must be dates YYYY-MM-DD with commas between, not "${wrong}".`);
  }
  return new Set(dates);
}

function numberIn(name: string, text: string, { least, most, whole = false }: Bounds): number {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (number >= least && number <= most && (!whole || Number.isInteger(number))) return number;
  throw new FeedWordsError(`${name} must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}, not "${text}".`);
}

interface Bounds {
  least: number;
  most: number;
  whole?: boolean;
}
