import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { hongKongDate } from './calendar.ts';
import type { Quote } from './feed.ts';
import { quoteAfter, type Trade } from './session.ts';

const START = Date.parse('2024-11-18T09:30:00+08:00') / 1000;

const price = fc.integer({ min: 1, max: 1_000_000 }).map((mills) => mills / 1000);
const bar = fc.record({
  gap: fc.integer({ min: 0, max: 40_000 }),
  prices: fc.array(price, { minLength: 4, maxLength: 4 }),
});
const volume = fc.integer({ min: 0, max: 1_000_000 });

/** Bars in order of time over some days. */
const trades = fc.array(fc.tuple(bar, volume), { minLength: 1, maxLength: 60 }).map((drawn) => {
  let timestamp = START;
  return drawn.map(([{ gap, prices }, shares]): Trade => {
    timestamp += gap;
    const [open = 0, close = 0] = prices;
    return {
      symbol: '0700.HK',
      timestamp,
      open,
      high: Math.max(...prices),
      low: Math.min(...prices),
      price: close,
      volume: shares,
    };
  });
});

/** The quote after the last of the trades, from all trades of its day at once. */
function recompute(all: readonly Trade[]): Quote {
  const last = all.at(-1) as Trade;
  const day = all.filter(({ timestamp }) => hongKongDate(timestamp) === hongKongDate(last.timestamp));
  return {
    symbol: last.symbol,
    timestamp: last.timestamp,
    price: last.price,
    open: (day[0] as Trade).open,
    high: Math.max(...day.map(({ high }) => high)),
    low: Math.min(...day.map(({ low }) => low)),
    volume: day.reduce((sum, trade) => sum + trade.volume, 0),
  };
}

test('after each trade open, high, low and volume are those of all trades of the Hong Kong day', () => {
  fc.assert(
    fc.property(trades, (all) => {
      let quote: Quote | undefined;
      for (const [index, trade] of all.entries()) {
        quote = quoteAfter(quote, trade);
        expect(quote).toEqual(recompute(all.slice(0, index + 1)));
      }
    }),
  );
});

test('a trade of an earlier day, by a clock that was behind, belongs to the session that there is', () => {
  const midnight = Date.parse('2024-11-19T00:00:00+08:00') / 1000;
  const trade = { symbol: '0700.HK', timestamp: midnight, open: 400, high: 400, low: 400, price: 400, volume: 100 };
  const late = { ...trade, timestamp: midnight - 1, price: 399, low: 399 };
  expect(quoteAfter(quoteAfter(undefined, trade), late)).toMatchObject({ open: 400, high: 400, low: 399, volume: 200 });
});
