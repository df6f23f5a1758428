import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { sessionOf } from '../../src/market/calendar.ts';
import type { Quote } from '../../src/market/feed.ts';
import { spreadOf } from '../../src/market/spreads.ts';
import { startTape, type Tape, type TapedQuote } from './market-tape.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

/** The symbols that are looked at: the three of the sample of ticks, which are also simulated. */
export const WATCHED = ['0005.HK', '0700.HK', '9988.HK'];
/** What a worker logs when it has taken over. */
export const LEADS = /"publishing quotes"/;
export const TAKEN_OVER_MS = 10_000;

/** A Redis with workers that do nothing but `market`. */
export interface MarketWorld {
  readonly redis: RedisServer;
  start(agentId: string, ...words: string[]): Promise<WorkerProcess>;
  /** Two workers, of which the first leads. */
  startTwo(...words: string[]): Promise<[WorkerProcess, WorkerProcess]>;
  /** Since the tape was started. */
  of(symbol: string): TapedQuote[];
  newTape(): Promise<void>;
  /** Until each of the watched symbols has so many more quotes. */
  more(count: number, withinMs: number): Promise<void>;
  /** As Redis has them, of the watched symbols. */
  lastValues(): Promise<Quote[]>;
}

/** Runs a test in a world of its own, of which nothing is left behind. */
export async function inMarket(run: (market: MarketWorld) => Promise<void>): Promise<void> {
  const redis = await startRedis();
  let tape: Tape = await startTape(redis.port, WATCHED);
  const workers: WorkerProcess[] = [];
  const counts = (): number[] => WATCHED.map((symbol) => tape.of(symbol).length);

  const start = async (agentId: string, ...words: string[]): Promise<WorkerProcess> => {
    const worker = await startWorkerProcess({ redisUrl: redis.url, agentId, roles: 'market', words });
    workers.push(worker);
    return worker;
  };

  const lastValue = async (symbol: string): Promise<Quote> => {
    const frame = await redis.cli('HGET', `tickcast:{market_data:${symbol}}`, 'frame');
    const { data } = JSON.parse(frame) as { data: Omit<Quote, 'symbol'> };
    return { symbol, ...data };
  };

  try {
    await run({
      redis,
      start,
      async startTwo(...words) {
        const first = await start('first', ...words);
        await first.process.waitForLine(LEADS);
        return [first, await start('second', ...words)];
      },
      of: (symbol) => tape.of(symbol),
      async newTape() {
        tape.close();
        tape = await startTape(redis.port, WATCHED);
      },
      async more(count, withinMs) {
        const before = counts();
        await eventually(() => counts().every((now, at) => now >= (before[at] ?? 0) + count), { withinMs });
      },
      lastValues: () => Promise.all(WATCHED.map(lastValue)),
    });
  } finally {
    tape.close();
    redis.resume();
    await Promise.all(workers.map(({ process }) => process.kill()));
    await redis.stop();
  }
}

/** How often a worker has taken over. */
export function termsOf({ process }: WorkerProcess): number {
  return process.lines().filter((line) => LEADS.test(line)).length;
}

/**
 * Where a symbol's quotes do not follow from one another, as they all do when one feed made them: numbered without a hole,
 * prices some spreads apart, open kept, high and low cumulative, volume risen.
 */
export function breaksIn(quotes: readonly TapedQuote[], mostSpreads: number): unknown[] {
  return quotes
    .map((after, index) => ({ before: quotes[index - 1], after }))
    .filter(({ before, after }) => before !== undefined && !follows(before, after, mostSpreads));
}

function follows(before: TapedQuote, after: TapedQuote, mostSpreads: number): boolean {
  const isNumbered = after.epoch === before.epoch && after.seq === before.seq + 1;
  const spread = spreadOf(Math.max(before.price, after.price));
  if (!isNumbered || Math.abs(after.price - before.price) > mostSpreads * spread + 1e-9) return false;
  // A test may run across midnight in Hong Kong.
  if (sessionOf(before.timestamp) !== sessionOf(after.timestamp)) return after.open === before.price;
  return (
    after.open === before.open &&
    // A quote that was dropped may have gone beyond both.
    after.high >= Math.max(before.high, after.price) &&
    after.low <= Math.min(before.low, after.price) &&
    after.volume > before.volume
  );
}
