import { expect, test } from '@jest/globals';
import { sessionOf } from './calendar.ts';
import type { Feed, Quote } from './feed.ts';
import { createSimulation, type Simulation } from './simulate.ts';
import { someSymbols } from './symbols.ts';

const BASE: Simulation = { symbols: someSymbols(10), rate: 50, seed: 1, hours: 'always', holidays: new Set() };

/** Batches until there are `count` quotes, with the moment of each. */
async function take(feed: Feed, count: number, last: ReadonlyMap<string, Quote> = new Map()) {
  const batches: Array<{ quotes: readonly Quote[]; at: number }> = [];
  let taken = 0;
  for await (const quotes of feed.quotes(last, new AbortController().signal)) {
    batches.push({ quotes, at: performance.now() });
    taken += quotes.length;
    if (taken >= count) break;
  }
  return { batches, quotes: batches.flatMap(({ quotes }) => quotes) };
}

test('each symbol has one quote a round, in an order that changes', async () => {
  const { quotes } = await take(createSimulation(BASE), 100);
  const rounds = Array.from({ length: 10 }, (_, round) =>
    quotes.slice(round * 10, round * 10 + 10).map(({ symbol }) => symbol),
  );
  for (const round of rounds) expect(round.toSorted()).toEqual(BASE.symbols.toSorted());
  expect(new Set(rounds.map(String)).size).toBeGreaterThan(1);
});

test('quotes come no faster than the rate, however often the timers turn', async () => {
  const begun = performance.now();
  const { quotes } = await take(createSimulation({ ...BASE, symbols: someSymbols(100), rate: 20 }), 2000);
  const seconds = (performance.now() - begun) / 1000;
  // What was due in the last quarter of a second may be made up for.
  expect(quotes.length).toBeLessThanOrEqual(2000 * (seconds + 0.25) + 1);
});

test('after a pause of the process there is no burst of what it missed', async () => {
  const feed = createSimulation({ ...BASE, symbols: someSymbols(100), rate: 20 });
  const sizes: number[] = [];
  for await (const { length } of feed.quotes(new Map(), new AbortController().signal)) {
    sizes.push(length);
    if (sizes.length === 5) block(1500);
    if (sizes.length === 10) break;
  }
  // 3000 quotes were due meanwhile. Those of a quarter of a second are made up for, and others come due while they are made.
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1200);
});

function block(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end;);
}

test('timestamps are those of now', async () => {
  const { quotes } = await take(createSimulation(BASE), 20);
  for (const { timestamp } of quotes) expect(Math.abs(Date.now() / 1000 - timestamp)).toBeLessThan(30);
});

test('it goes on from the last values', async () => {
  const { quotes } = await take(createSimulation(BASE), 200);
  const last = new Map(quotes.map((quote) => [quote.symbol, quote]));
  const { quotes: after } = await take(createSimulation(BASE), 10, last);
  expect(after.slice(0, 10).filter((quote) => !goesOn(last.get(quote.symbol) as Quote, quote))).toEqual([]);
});

/** A new session begins at midnight, which a test may run across. */
function goesOn(before: Quote, after: Quote): boolean {
  if (sessionOf(before.timestamp) !== sessionOf(after.timestamp)) return after.open === before.price;
  return after.open === before.open && after.volume > before.volume;
}

test('outside the hours of trade there are no quotes', async () => {
  const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);
  const tomorrow = new Date(Date.now() + 32 * 3_600_000).toISOString().slice(0, 10);
  const closed = createSimulation({ ...BASE, hours: 'hkex', holidays: new Set([today, tomorrow]) });
  const batches: unknown[] = [];
  for await (const batch of closed.quotes(new Map(), AbortSignal.timeout(300))) batches.push(batch);
  expect(batches).toEqual([]);
});
