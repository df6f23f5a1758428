import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { readDailyBars, readTrades } from './market-file.ts';
import type { Trade } from './session.ts';

const directory = mkdtempSync(join(tmpdir(), 'tickcast-market-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(name: string, lines: readonly string[]): string {
  const path = join(directory, name);
  writeFileSync(path, lines.join('\n'));
  return path;
}

async function tradesOf(path: string): Promise<Trade[]> {
  const trades: Trade[] = [];
  for await (const trade of readTrades(path)) trades.push(trade);
  return trades;
}

/** What reading it fails with. */
async function problemOf(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => new Error('it was read'),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'market_file_invalid' });
  return (error as Error).message;
}

const at = (time: string): number => Date.parse(time) / 1000;

test('ticks of a CSV file: comments, empty lines, spaces, quotes, further columns and any order of columns are fine', async () => {
  const path = fileOf('ticks.csv', [
    '\uFEFF# not real',
    'Volume, price,symbol,venue,timestamp',
    '',
    '100,400.2,700.hk,X,1732000000.25',
    '# half way',
    ' 0 , 70.5 , "HK.00005",,1732000001',
    '',
  ]);
  expect(await tradesOf(path)).toMatchObject([
    { symbol: '0700.HK', timestamp: 1732000000.25, open: 400.2, high: 400.2, low: 400.2, price: 400.2, volume: 100 },
    { symbol: '0005.HK', timestamp: 1732000001, price: 70.5, volume: 0 },
  ]);
});

test('bars of an NDJSON file, with numbers or texts, and \\r\\n at the ends of lines', async () => {
  const path = fileOf('bars.ndjson', [
    '# not real\r',
    '{"timestamp":1732000000,"symbol":"0700.HK","open":400,"high":402.2,"low":399,"close":401,"volume":1200}\r',
    '\r',
    '{"timestamp":"1732000060","symbol":"0700.HK","open":"401","high":"401","low":"400","close":"400.4","volume":"0"}',
  ]);
  expect(await tradesOf(path)).toMatchObject([
    { timestamp: 1732000000, open: 400, high: 402.2, low: 399, price: 401, volume: 1200 },
    { timestamp: 1732000060, open: 401, high: 401, low: 400, price: 400.4, volume: 0 },
  ]);
});

test.each([
  ['1732000000.123', 1732000000.123],
  ['2024-11-18T09:30:00Z', at('2024-11-18T09:30:00Z')],
  ['2024-11-18T09:30:00.250+08:00', at('2024-11-18T01:30:00.250Z')],
  ['2024-11-18 09:30:00-05:00', at('2024-11-18T14:30:00Z')],
  ['2024-11-18T09:30', at('2024-11-18T01:30:00Z')],
  ['2024-11-18 09:30:00.5', at('2024-11-18T01:30:00.5Z')],
  ['2021-01-04', at('2021-01-04T16:00:00+08:00')],
])('a timestamp may be written as %s', async (written, seconds) => {
  const path = fileOf('times.csv', ['timestamp,symbol,price,volume', `${written},0700.HK,400,100`]);
  expect(await tradesOf(path)).toMatchObject([{ timestamp: seconds }]);
});

test.each([
  '',
  'noon',
  '1732000000123',
  '20210104',
  '2021-02-29',
  '2021-01-04T25:00',
  '2021-01-04T09:30 HKT',
  '-5',
  'NaN',
])('a timestamp may not be "%s"', async (written) => {
  const path = fileOf('bad-times.csv', ['timestamp,symbol,price,volume', `"${written}",0700.HK,400,100`]);
  expect(await problemOf(tradesOf(path))).toContain('bad-times.csv:2: timestamp must be Unix seconds, ISO 8601');
});

const TICK = { timestamp: 1732000000, symbol: '0700.HK', price: 400, volume: 100 };
const BAR = { timestamp: 1732000000, symbol: '0700.HK', open: 400, high: 402, low: 399, close: 401, volume: 100 };

test.each<[string, object, string]>([
  ['no symbol', { ...TICK, symbol: undefined }, 'the row needs timestamp, symbol, volume'],
  ['neither price nor bar', { ...BAR, close: undefined }, 'and either price (ticks) or open, high, low, close (bars)'],
  ['a bad symbol', { ...TICK, symbol: 'a b' }, 'symbol must be a symbol such as 0700.HK, not "a b"'],
  ['a symbol that is a number', { ...TICK, symbol: 700 }, 'symbol must be a symbol such as 0700.HK, not 700'],
  ['a price of 0', { ...TICK, price: 0 }, 'price must be a price over 0, not 0'],
  ['a price that is a text', { ...TICK, price: '0x10' }, 'price must be a number, not "0x10"'],
  ['no price', { ...TICK, price: null }, 'price must be a number, not null'],
  ['negative volume', { ...TICK, volume: -1 }, 'volume must be shares, 0 or more, not -1'],
  ['a high that is not', { ...BAR, high: 400.5 }, 'high must be the highest of open, high, low and close, not 400.5'],
  ['a low that is not', { ...BAR, low: 400.5 }, 'low must be the lowest of open, high, low and close, not 400.5'],
])('%s: the message names file, line and field', async (_name, row, problem) => {
  const path = fileOf('bad.ndjson', [JSON.stringify(TICK), '', JSON.stringify(row)]);
  const message = await problemOf(tradesOf(path));
  expect(message).toContain('bad.ndjson:3: ');
  expect(message).toContain(problem);
});

test('rows that are not in order of time are refused, those of the same time are not', async () => {
  const line = (seconds: number): string => `${seconds},0700.HK,400,100`;
  const head = 'timestamp,symbol,price,volume';
  expect(await tradesOf(fileOf('order.csv', [head, line(1732000000), line(1732000000)]))).toHaveLength(2);
  const path = fileOf('order.csv', ['# here', head, line(1732000001), line(1732000000)]);
  expect(await problemOf(tradesOf(path))).toContain('order.csv:4: timestamp is earlier than in the row before');
});

test('a file that is no market file, or none at all, is refused by name', async () => {
  const problems = [
    [
      fileOf('short.csv', ['timestamp,symbol,price', '1,2,3']),
      'short.csv:1: the header needs timestamp, symbol, volume',
    ],
    [
      fileOf('ragged.csv', ['timestamp,symbol,price,volume', '1732000000,0700.HK,400']),
      'ragged.csv:2: Invalid Record Length',
    ],
    [fileOf('list.ndjson', ['[1]']), 'list.ndjson:1: the line must be one JSON object'],
    [fileOf('text.jsonl', ['{"timestamp":']), 'text.jsonl:1: the line must be one JSON object'],
    [fileOf('endless.ndjson', [' '.repeat(1_100_000)]), 'endless.ndjson: a line of it is over 1000000 characters'],
    [fileOf('market.txt', ['']), 'its name must end in .csv, .ndjson or .jsonl'],
    [join(directory, 'absent.csv'), 'absent.csv: ENOENT'],
    [join(directory, 'absent.ndjson'), 'absent.ndjson: ENOENT'],
  ] as const;
  for (const [path, problem] of problems) expect(await problemOf(tradesOf(path))).toContain(problem);
});

test.each([
  ['a quote that is never closed', `"${'a line\n'.repeat(1_000_000)}`, 3 + Math.floor(1_000_000 / 7)],
  ['no line end', 'x'.repeat(7_000_000), 3],
])('a CSV file with %s is not read to its end, but a million characters far', async (_name, text, line) => {
  const path = fileOf('endless.csv', ['timestamp,symbol,price,volume', '1732000000,0700.HK,400,100', text]);
  expect(await problemOf(tradesOf(path))).toContain(`endless.csv:${line}: the row has over 1000000 characters`);
});

test('a file need not be read to its end', async () => {
  const rows = Array.from({ length: 50_000 }, (_, index) => `${1732000000 + index},0700.HK,400,100`);
  const path = fileOf('long.csv', ['timestamp,symbol,price,volume', ...rows, 'this is no row']);
  const first: Trade[] = [];
  for await (const trade of readTrades(path)) {
    first.push(trade);
    if (first.length === 3) break;
  }
  expect(first.map(({ timestamp }) => timestamp)).toEqual([1732000000, 1732000001, 1732000002]);
});

const DAYS = [
  'timestamp,symbol,open,high,low,close,volume',
  '2021-01-04,0005.HK,40,41,39,40.5,1000',
  '2021-01-05,0005.HK,40.5,42,40,41,2000',
  '2021-01-04,0700.HK,560,565,555,562,3000',
  '2021-01-05,0700.HK,562,570,560,569,4000',
  '2021-01-06,0700.HK,569,569,550,551,5000',
];

test('daily bars are those of one symbol between two dates, both included', async () => {
  const path = fileOf('days.csv', DAYS);
  expect(await readDailyBars(path, '0700.HK', '2021-01-05', '2021-12-31')).toEqual([
    { date: '2021-01-05', open: 562, high: 570, low: 560, close: 569, volume: 4000 },
    { date: '2021-01-06', open: 569, high: 569, low: 550, close: 551, volume: 5000 },
  ]);
  expect(await readDailyBars(path, '0700.HK', '2020-01-01', '2021-01-04')).toHaveLength(1);
  expect(await readDailyBars(path, '9988.HK', '2020-01-01', '2021-12-31')).toEqual([]);
});

test('daily bars of a symbol must be one a day in order of time', async () => {
  const twice = fileOf('twice.csv', [...DAYS, '2021-01-06T10:00,0700.HK,569,569,550,551,5000']);
  expect(await problemOf(readDailyBars(twice, '0700.HK', '2021-01-01', '2021-12-31'))).toContain(
    'twice.csv:7: a second row of 0700.HK on 2021-01-06: one bar a day is needed',
  );
  const mixed = fileOf('mixed.csv', [...DAYS, '2021-01-05,0700.HK,569,569,550,551,5000']);
  expect(await problemOf(readDailyBars(mixed, '0700.HK', '2021-01-01', '2021-12-31'))).toContain(
    'mixed.csv:7: out of order: 0700.HK on 2021-01-05',
  );
});
