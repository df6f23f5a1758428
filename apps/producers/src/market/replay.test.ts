import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { hongKongDate } from './calendar.ts';
import type { Quote } from './feed.ts';
import { readTrades } from './market-file.ts';
import { createReplay, type Replay } from './replay.ts';
import { quoteAfter, type Trade } from './session.ts';

const SAMPLES = new URL('../../samples/', import.meta.url);
const directory = mkdtempSync(join(tmpdir(), 'tickcast-replay-'));
afterAll(() => rmSync(directory, { recursive: true }));

const UNENDED = new AbortController().signal;
/** Everything is due at once. */
const AT_ONCE = { speed: 1e6, maxGapSeconds: 0 };

const SYMBOLS = ['0005.HK', '0700.HK', '9988.HK'];
const START = Date.parse('2024-11-18T15:00:00+08:00') / 1000;

/** Ticks of three symbols over a night or two; `leastGap` 0 has some at the same time. */
function ticks(leastGap: number): fc.Arbitrary<Trade[]> {
  const tick = fc.tuple(
    fc.integer({ min: leastGap, max: 15_000 }),
    fc.nat(2),
    fc.integer({ min: 100, max: 900 }),
    fc.nat(50),
  );
  return fc.array(tick, { minLength: 1, maxLength: 40 }).map((drawn) => {
    let timestamp = START;
    return drawn.map(([gap, which, price, volume]) => {
      timestamp += gap;
      return { symbol: SYMBOLS[which] ?? '', timestamp, open: price, high: price, low: price, price, volume };
    });
  });
}

function fileOf(trades: readonly Trade[]): string {
  const path = join(directory, 'ticks.ndjson');
  const rows = trades.map(({ timestamp, symbol, price, volume }) =>
    JSON.stringify({ timestamp, symbol, price, volume }),
  );
  writeFileSync(path, rows.join('\n'));
  return path;
}

/** The first `count` quotes that a replay gives to whoever takes over from `last`. */
async function play(replay: Replay, last: ReadonlyMap<string, Quote> = new Map(), count = Infinity): Promise<Quote[]> {
  const quotes: Quote[] = [];
  const stop = new AbortController();
  for await (const batch of createReplay(replay).quotes(last, stop.signal)) {
    quotes.push(...batch);
    if (quotes.length >= count) break;
  }
  return quotes.slice(0, count);
}

/** As Redis keeps them: in the order in which each symbol was last published. */
function lastValues(quotes: readonly Quote[]): Map<string, Quote> {
  const last = new Map<string, Quote>();
  for (const quote of quotes) {
    last.delete(quote.symbol);
    last.set(quote.symbol, quote);
  }
  return last;
}

/** What the quotes must be, each computed from all rows before it. */
function recompute(trades: readonly Trade[]): Quote[] {
  return trades.map((trade, index) => {
    const { symbol, timestamp, price } = trade;
    const day = trades
      .slice(0, index + 1)
      .filter((row) => row.symbol === symbol && hongKongDate(row.timestamp) === hongKongDate(timestamp));
    const [high, low] = [Math.max(...day.map((row) => row.high)), Math.min(...day.map((row) => row.low))];
    const volume = day.reduce((sum, row) => sum + row.volume, 0);
    return { symbol, timestamp, price, open: day[0]?.open ?? 0, high, low, volume };
  });
}

test('the quotes of a replay are its rows, with open, high, low and volume of the session so far', async () => {
  await fc.assert(
    fc.asyncProperty(ticks(0), async (trades) => {
      expect(await play({ path: fileOf(trades), once: true, ...AT_ONCE })).toEqual(recompute(trades));
    }),
  );
});

test('a replay that another worker takes over at any moment goes on as if nothing had been', async () => {
  await fc.assert(
    fc.asyncProperty(ticks(1), fc.nat(39), async (trades, cut) => {
      const replay = { path: fileOf(trades), once: true, ...AT_ONCE };
      const before = (await play(replay)).slice(0, cut + 1);
      expect([...before, ...(await play(replay, lastValues(before)))]).toEqual(recompute(trades));
    }),
  );
});

test('taken over from a worker that left quotes out, it ends with the same last values', async () => {
  await fc.assert(
    fc.asyncProperty(
      ticks(0),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      fc.nat(39),
      async (trades, kept, cut) => {
        const replay = { path: fileOf(trades), once: true, ...AT_ONCE };
        const before = (await play(replay)).slice(0, cut + 1).filter((_, index) => kept[index]);
        const after = await play(replay, lastValues(before));
        expect(lastValues([...before, ...after])).toEqual(lastValues(recompute(trades)));
      },
    ),
  );
});

test('a replay that begins again is gone on with in the pass in which it was', async () => {
  await fc.assert(
    fc.asyncProperty(ticks(1), fc.nat(79), async (trades, cut) => {
      const replay = { path: fileOf(trades), once: false, ...AT_ONCE };
      const passes = [...recompute(trades), ...recompute(trades), ...recompute(trades)];
      const before = passes.slice(0, Math.min(cut + 1, 2 * trades.length - 1));
      const rest = trades.length - (before.length % trades.length);
      expect(await play(replay, lastValues(before), rest)).toEqual(passes.slice(before.length, before.length + rest));
    }),
    // Between two passes there is a second.
    { numRuns: 20 },
  );
});

test('at its end a single pass has nothing more to say, whoever takes over', async () => {
  const path = fileURLToPath(new URL('ticks.csv', SAMPLES));
  const quotes = await play({ path, once: true, ...AT_ONCE });
  expect(quotes.length).toBeGreaterThan(1500);
  expect(await play({ path, once: true, ...AT_ONCE }, lastValues(quotes))).toEqual([]);
});

test('last values that are not of the file are no reason to begin anywhere but at its start', async () => {
  const path = fileURLToPath(new URL('minute-bars.ndjson', SAMPLES));
  const whole = await play({ path, once: true, ...AT_ONCE });
  const stranger = { ...(whole[10] as Quote), timestamp: Date.parse('2024-11-18T09:40:30+08:00') / 1000 };
  expect(await play({ path, once: true, ...AT_ONCE }, new Map([[stranger.symbol, stranger]]))).toEqual(whole);
});

test('the daily bars of the sample are a session each', async () => {
  const path = fileURLToPath(new URL('daily-bars.csv', SAMPLES));
  const quotes = await play({ path, once: true, ...AT_ONCE });
  const rows: Trade[] = [];
  for await (const row of readTrades(path)) rows.push(row);
  expect(quotes).toEqual(rows.map((row) => expect.objectContaining(quoteAfter(undefined, row))));
});

test('rows come no sooner than the times between them say, and a long gap is cut short', async () => {
  const row = (timestamp: number): Trade => {
    return { symbol: '0700.HK', timestamp, open: 400, high: 400, low: 400, price: 400, volume: 100 };
  };
  const path = fileOf([row(START), row(START + 3), row(START + 30_000)]);
  const begun = performance.now();
  expect(await play({ path, speed: 10, once: true, maxGapSeconds: 0.5 })).toHaveLength(3);
  // 3 s at ten times the speed, and 0.5 s for the gap; timers may be early by the millisecond that they round off.
  expect(performance.now() - begun).toBeGreaterThanOrEqual(798);
});

test('a replay ends soon after it is told to, in the middle of a gap', async () => {
  const path = fileURLToPath(new URL('daily-bars.csv', SAMPLES));
  const stop = new AbortController();
  let count = 0;
  for await (const batch of createReplay({ path, speed: 1, once: false, maxGapSeconds: 3600 }).quotes(
    new Map(),
    stop.signal,
  )) {
    count += batch.length;
    setTimeout(() => stop.abort(), 50);
  }
  // Both symbols have their first bar at the same time.
  expect(count).toBe(2);
});

test('a replay that is told to end while it reads its file does not read on: for its symbols, or up to where it goes on', async () => {
  const row = { symbol: '0700.HK', open: 400, high: 400, low: 400, price: 400, volume: 100 };
  const rows = Array.from({ length: 100_000 }, (_, index): Trade => ({ ...row, timestamp: START + index }));
  const path = fileOf([
    ...rows,
    { ...row, symbol: 'only reading it to the end shows that it is bad', timestamp: START },
  ]);
  const replay = createReplay({ path, once: true, ...AT_ONCE });
  const soon = (): AbortSignal => {
    const stop = new AbortController();
    setImmediate(() => stop.abort());
    return stop.signal;
  };
  await expect(replay.symbols(soon())).rejects.toMatchObject({ name: 'AbortError' });
  const ahead = { ...row, timestamp: START + 200_000 };
  const batches: unknown[] = [];
  for await (const batch of replay.quotes(new Map([[ahead.symbol, ahead]]), soon())) batches.push(batch);
  expect(batches).toEqual([]);
});

test('a file without rows is refused, and one with a bad row is before anything is published', async () => {
  const replay = { once: true, ...AT_ONCE };
  await expect(createReplay({ path: fileOf([]), ...replay }).symbols(UNENDED)).rejects.toThrow(
    'there are no rows in it',
  );
  const path = join(directory, 'bad.csv');
  writeFileSync(path, 'timestamp,symbol,price,volume\n1732000000,0700.HK,400,100\n1732000001,0700.HK,,100\n');
  await expect(createReplay({ path, ...replay }).symbols(UNENDED)).rejects.toThrow(
    'bad.csv:3: price must be a number, not ""',
  );
});
