import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { sessionOf } from '../src/market/calendar.ts';
import type { TapedQuote } from './support/market-tape.ts';
import { breaksIn, inMarket, TAKEN_OVER_MS, termsOf, WATCHED } from './support/market-world.ts';

const WITHIN_MS = 90_000;
/** A lease outlives what hangs by so much. */
const LATE_SECONDS = 6;

test.concurrent(
  'after Redis hung for 20 s the feed goes on by itself, and no quote from before is published late',
  () =>
    inMarket(async (market) => {
      const [first, second] = await market.startTwo('simulate', '--rate', '50');
      await market.more(50, 10_000);
      market.redis.pause();
      await sleep(20_000);
      const resumedAt = Date.now() / 1000;
      market.redis.resume();
      await market.more(50, 20_000);
      // One ended and another began: on a machine that is busy, that one too.
      expect(termsOf(first) + termsOf(second)).toBeGreaterThanOrEqual(2);
      for (const symbol of WATCHED) {
        expect(breaksIn(market.of(symbol), 5)).toEqual([]);
        expect(market.of(symbol).filter((quote) => isLate(quote, resumedAt))).toEqual([]);
      }
    }),
  WITHIN_MS,
);

test.concurrent(
  'after Redis hung for 4 s, for which a lease lasts, quotes are in their order and not older than that',
  () =>
    inMarket(async (market) => {
      await market.startTwo('simulate', '--symbols', '200', '--rate', '20');
      await market.more(20, 20_000);
      market.redis.pause();
      await sleep(4000);
      market.redis.resume();
      await market.more(50, 20_000);
      for (const symbol of WATCHED) {
        expect(breaksIn(market.of(symbol), 10)).toEqual([]);
        expect(market.of(symbol).filter((quote) => isLate(quote, 0))).toEqual([]);
      }
    }),
  WITHIN_MS,
);

/** Or the one after, since a test may run across midnight in Hong Kong. */
function isOneSession(before?: TapedQuote, after?: TapedQuote): boolean {
  if (before === undefined || after === undefined) return false;
  if (sessionOf(before.timestamp) < sessionOf(after.timestamp)) return true;
  return after.open === before.open && after.volume >= before.volume;
}

function isLate({ publishedAt, timestamp }: TapedQuote, resumedAt: number): boolean {
  return publishedAt > resumedAt && publishedAt - timestamp > LATE_SECONDS;
}

test.concurrent(
  'after Redis was restarted with its data the feed goes on where Redis has it',
  () =>
    inMarket(async (market) => {
      await market.startTwo('simulate');
      await market.more(5, 10_000);
      await market.redis.restart({ keepData: true });
      await market.newTape();
      const kept = await market.lastValues();
      await market.more(3, TAKEN_OVER_MS);
      for (const before of kept) {
        const quotes = market.of(before.symbol);
        const after = quotes.slice(quotes.findIndex(({ volume }) => volume === before.volume) + 1);
        const { seq = 0, epoch = '', publishedAt = 0 } = after[0] ?? {};
        // Numbered anew, but one session with what Redis has kept.
        expect(breaksIn([{ ...before, seq: seq - 1, epoch, publishedAt }, ...after], 5)).toEqual([]);
      }
    }),
  WITHIN_MS,
);

test.concurrent(
  'after Redis came back empty the feed goes on where the worker had it: no volume falls',
  () =>
    inMarket(async (market) => {
      const worker = await market.start('only', 'simulate');
      await market.more(2, 10_000);
      const seen = WATCHED.map((symbol) => market.of(symbol).at(-1));
      await market.redis.restart({ keepData: false });
      await market.newTape();
      await market.more(2, TAKEN_OVER_MS);
      expect(termsOf(worker)).toBeGreaterThanOrEqual(2);
      const pairs = seen.map((before, at) => ({ before, after: market.of(WATCHED[at] ?? '')[0] }));
      expect(pairs.filter(({ before, after }) => !isOneSession(before, after))).toEqual([]);
    }),
  WITHIN_MS,
);
