import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Feed, Quote } from './feed.ts';
import { MarketFileError, readTrades } from './market-file.ts';
import { Schedule } from './schedule.ts';
import { quoteAfter } from './session.ts';

export interface Replay {
  path: string;
  /** 2 is twice as fast as it was. */
  speed: number;
  /** One pass; else the file begins again after its end. */
  once: boolean;
  /** Longest time without a quote: a longer one, such as a night, is cut short to it. */
  maxGapSeconds: number;
}

const BETWEEN_PASSES_MS = 1000;
/** At a high speed everything is due at once, and an unbounded batch would be the whole file. */
const MAX_BATCH = 512;

/** The ticks or bars of a file, at the times that were between them. Their timestamps are those of the file. */
export function createReplay(replay: Replay): Feed {
  return {
    symbols: (signal) => symbolsIn(replay.path, signal),
    async *quotes(last, signal) {
      let position = await positionIn(replay, last, signal);
      do {
        yield* onePass(replay, { position, last, signal });
        position = null;
        if (replay.once) return;
        await sleep(BETWEEN_PASSES_MS, undefined, { signal }).catch(() => undefined);
      } while (!signal.aborted);
    },
  };
}

/** Reads the whole file once, which shows what is wrong with it before anything is published. */
async function symbolsIn(path: string, signal: AbortSignal): Promise<string[]> {
  const symbols = new Set<string>();
  for await (const { symbol } of readTrades(path)) {
    signal.throwIfAborted();
    symbols.add(symbol);
  }
  if (symbols.size === 0) throw new MarketFileError(`${path}: there are no rows in it`);
  return [...symbols];
}

/**
 * The timestamp up to which a file has been replayed, as its symbols' last values tell; null when they are not from it.
 *
 * With one pass that is the newest of them. With many the newest may be of an earlier pass, so it is the one that was
 * published last.
 */
async function positionIn(
  { path, once }: Replay,
  last: ReadonlyMap<string, Quote>,
  signal: AbortSignal,
): Promise<number | null> {
  const newest = Math.max(...[...last.values()].map(({ timestamp }) => timestamp));
  const found = new Set<string>();
  for await (const { symbol, timestamp } of readTrades(path)) {
    if (timestamp > newest || last.size === 0 || signal.aborted) break;
    if (last.get(symbol)?.timestamp === timestamp) found.add(symbol);
  }
  const published = [...last.values()].filter(({ symbol }) => found.has(symbol)).map(({ timestamp }) => timestamp);
  if (published.length === 0) return null;
  return once ? Math.max(...published) : (published.at(-1) ?? null);
}

interface Pass {
  /** Rows up to this timestamp have been published. */
  position: number | null;
  last: ReadonlyMap<string, Quote>;
  signal: AbortSignal;
}

async function* onePass(replay: Replay, { position, last, signal }: Pass): AsyncGenerator<Quote[], void> {
  const quotes = new Map<string, Quote>();
  const schedule = new Schedule();
  let before = position;
  let batch: Quote[] = [];
  let isResuming = position !== null;
  for await (const trade of readTrades(replay.path)) {
    if (signal.aborted) return;
    if (isResuming && trade.timestamp > (position ?? 0)) {
      isResuming = false;
      batch = unpublished(replay, quotes, last);
    }
    const quote = quoteAfter(quotes.get(trade.symbol), trade);
    quotes.set(trade.symbol, quote);
    if (isResuming) continue;
    schedule.later(gapMs(replay, before ?? trade.timestamp, trade.timestamp));
    before = trade.timestamp;
    if (!schedule.isDue || batch.length >= MAX_BATCH) {
      if (batch.length > 0) yield batch;
      batch = [];
    }
    while (!schedule.isDue && !signal.aborted) await schedule.turn(signal);
    if (signal.aborted) return;
    batch.push(quote);
  }
  if (isResuming) batch = unpublished(replay, quotes, last);
  if (batch.length > 0) yield batch;
}

/**
 * What the worker before could not publish any more. Where the file begins again it is left out: the symbol's next row says
 * it too, and quotes out of their order would hide in which pass they were.
 */
function unpublished({ once }: Replay, quotes: ReadonlyMap<string, Quote>, last: ReadonlyMap<string, Quote>): Quote[] {
  if (!once) return [];
  return [...quotes.values()].filter((quote) => !isDeepStrictEqual(quote, last.get(quote.symbol)));
}

function gapMs({ speed, maxGapSeconds }: Replay, from: number, to: number): number {
  return Math.min((to - from) / speed, maxGapSeconds) * 1000;
}
