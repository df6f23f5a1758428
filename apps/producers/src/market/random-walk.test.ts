import { expect, test } from '@jest/globals';
import { checkPublishedFrame } from '@tickcast/protocol';
import type { Quote } from './feed.ts';
import { quoteIn, frameOf } from './quote-frame.ts';
import { createRandomWalk } from './random-walk.ts';
import { spreadOf, toSpread } from './spreads.ts';
import { someSymbols } from './symbols.ts';

const MORNING = Date.parse('2024-11-18T10:00:00+08:00') / 1000;
const EVENING = Date.parse('2024-11-18T23:59:59+08:00') / 1000;
const NEXT_DAY = Date.parse('2024-11-19T00:00:01+08:00') / 1000;
const NOTHING: ReadonlyMap<string, Quote> = new Map();
const TEN = someSymbols(10);

test('open, high, low and volume are cumulative for the session, and quotes are frames a publisher may send', () => {
  const walk = createRandomWalk({ seed: 1, rate: 2, last: NOTHING });
  let last = walk.quote('0700.HK', MORNING);
  for (let index = 1; index < 2000; index++) {
    const quote = walk.quote('0700.HK', MORNING + index / 2);
    const frame = Buffer.from(frameOf(quote));
    expect(checkPublishedFrame('market_data', frame)).toEqual({ key: '0700.HK', status: null });
    expect(quoteIn(frame)).toEqual(quote);
    expect(quote.open).toBe(last.open);
    expect(quote.high).toBe(Math.max(last.high, quote.price));
    expect(quote.low).toBe(Math.min(last.low, quote.price));
    expect(quote.volume).toBeGreaterThan(last.volume);
    last = quote;
  }
});

test('a new Hong Kong day begins a new session at the last price', () => {
  const walk = createRandomWalk({ seed: 2, rate: 2, last: NOTHING });
  walk.quote('9988.HK', MORNING);
  const before = walk.quote('9988.HK', EVENING);
  const after = walk.quote('9988.HK', NEXT_DAY);
  const { price } = before;
  expect(after).toMatchObject({ price, open: price, high: price, low: price });
  expect(after.volume).toBeLessThanOrEqual(4000);
});

test('whoever takes over goes on from the last values: the same session, a price some spreads away, more volume', () => {
  const first = createRandomWalk({ seed: 3, rate: 2, last: NOTHING });
  let last = first.quote('0700.HK', MORNING);
  for (let index = 1; index < 500; index++) last = first.quote('0700.HK', MORNING + index / 2);
  const next = createRandomWalk({ seed: 3, rate: 2, last: new Map([['0700.HK', last]]) });
  const quote = next.quote('0700.HK', MORNING + 260);
  expect(Math.abs(quote.price - last.price)).toBeLessThanOrEqual(4 * spreadOf(last.price));
  expect(quote.open).toBe(last.open);
  expect(quote.high).toBe(Math.max(last.high, quote.price));
  expect(quote.volume).toBeGreaterThan(last.volume);
});

test('on the day after the last value it opens at its price', () => {
  const last: Quote = {
    symbol: '0700.HK',
    timestamp: MORNING,
    price: 400.2,
    open: 390,
    high: 410,
    low: 380,
    volume: 7e6,
  };
  const walk = createRandomWalk({ seed: 4, rate: 2, last: new Map([['0700.HK', last]]) });
  expect(walk.quote('0700.HK', NEXT_DAY)).toMatchObject({ price: 400.2, open: 400.2, high: 400.2, low: 400.2 });
});

test('a clock that steps back over midnight, or is behind that of the worker before, begins no session and no time again', () => {
  const first = createRandomWalk({ seed: 8, rate: 2, last: NOTHING });
  const opening = first.quote('0700.HK', NEXT_DAY);
  const stepped = [EVENING, EVENING - 3600].map((now) => first.quote('0700.HK', now));
  const next = createRandomWalk({ seed: 8, rate: 2, last: new Map(stepped.map((quote) => [quote.symbol, quote])) });
  const quotes = [opening, ...stepped, next.quote('0700.HK', EVENING), next.quote('0700.HK', NEXT_DAY + 1)];
  const { open } = opening;
  expect(quotes.map(({ timestamp }) => timestamp - NEXT_DAY)).toEqual([0, 0, 0, 0, 1]);
  expect(quotes.filter((quote) => quote.open !== open)).toEqual([]);
  expect(quotes.slice(1).filter(({ volume }, index) => volume <= (quotes[index]?.volume ?? 0))).toEqual([]);
});

test('a last value from days ahead, of a clock that was wrong, does not stop time: a session of today opens at its price', () => {
  const ahead = {
    symbol: '0700.HK',
    timestamp: MORNING + 3e7,
    price: 400.2,
    open: 390,
    high: 410,
    low: 380,
    volume: 7e6,
  };
  const walk = createRandomWalk({ seed: 4, rate: 2, last: new Map([['0700.HK', ahead]]) });
  const opening = walk.quote('0700.HK', MORNING);
  expect(opening).toMatchObject({ timestamp: MORNING, price: 400.2, open: 400.2, high: 400.2, low: 400.2 });
  expect(opening.volume).toBeLessThanOrEqual(4000);
  const after = walk.quote('0700.HK', MORNING + 0.5);
  expect(after).toMatchObject({ timestamp: MORNING + 0.5, open: 400.2 });
  expect(after.volume).toBeGreaterThan(opening.volume);
});

test.each([5e-324, 1e-9, 1e12, 1.7e308])('from a last price of %d the walk comes back to the usual one', (price) => {
  const far = { symbol: '0700.HK', timestamp: MORNING, price, open: price, high: price, low: price, volume: 0 };
  const walk = createRandomWalk({ seed: 9, rate: 0.01, last: new Map([['0700.HK', far]]) });
  const prices = Array.from({ length: 500 }, () => walk.quote('0700.HK', MORNING).price);
  expect(prices.filter((walked) => !(walked > 0 && walked < Infinity))).toEqual([]);
  expect(prices.at(-1)).toBeGreaterThan(200);
  expect(prices.at(-1)).toBeLessThan(600);
});

test('the same seed walks the same way, another one does not, and prices stay on the spread of the exchange', () => {
  const walkOf = (seed: number): Quote[] => {
    const walk = createRandomWalk({ seed, rate: 2, last: NOTHING });
    const round = (): Quote[] => someSymbols(50).map((symbol) => walk.quote(symbol, MORNING));
    return Array.from({ length: 200 }, round).flat();
  };
  const quotes = walkOf(5);
  expect(walkOf(5)).toEqual(quotes);
  expect(walkOf(6)).not.toEqual(quotes);
  expect(quotes.filter(({ price }) => price !== toSpread(price))).toEqual([]);
});

test('among ten symbols one moves by half a percent within 20 s, whatever the seed', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const walk = createRandomWalk({ seed, rate: 2, last: NOTHING });
    const prices = TEN.map((symbol) =>
      Array.from({ length: 40 }, (_, index) => walk.quote(symbol, MORNING + index / 2).price),
    );
    expect({ seed, moved: prices.some(hasMoved) }).toEqual({ seed, moved: true });
  }
});

function hasMoved(prices: readonly number[]): boolean {
  return prices.some((to, at) => prices.slice(0, at).some((from) => Math.abs(to - from) / from >= 0.005));
}

test('for a day without pause the walk stays near where it began', () => {
  const walk = createRandomWalk({ seed: 7, rate: 2, last: NOTHING });
  const prices = Array.from({ length: 172_800 }, () => walk.quote('0700.HK', MORNING).price);
  expect(Math.min(...chunked(prices))).toBeGreaterThan(352 * 0.85);
  expect(-Math.min(...chunked(prices.map((price) => -price)))).toBeLessThan(352 * 1.15);
});

/** The least of each thousand: spreading all of them would overflow the stack. */
function chunked(values: readonly number[]): number[] {
  return Array.from({ length: Math.ceil(values.length / 1000) }, (_, at) =>
    Math.min(...values.slice(at * 1000, (at + 1) * 1000)),
  );
}
