import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { seededRandom } from '@tickcast/testing';
import { type BacktestSummary, startBacktest } from '../src/backtests/engine.ts';
import type { DailyBar } from '../src/market/daily-bars.ts';
import { readDailyBars } from '../src/market/market-file.ts';

const SAMPLE = fileURLToPath(new URL('../samples/daily-bars.csv', import.meta.url));
const CALCULATION = fileURLToPath(new URL('support/independent-backtest.py', import.meta.url));
const PYTHON = process.env['TICKCAST_TEST_PYTHON_LATEST'] ?? 'python3';
const SYMBOL = '0700.HK';
const DAY_MS = 86_400_000;

interface Run {
  file: string;
  symbol: string;
  from: string;
  to: string;
  strategy: string;
  params: Record<string, number>;
}

const STRATEGIES: Array<Pick<Run, 'strategy' | 'params'>> = [
  { strategy: 'buy_and_hold', params: {} },
  { strategy: 'buy_and_hold', params: { initial_cash: 12_345.67, lot: 1, fee_rate: 0.002565 } },
  { strategy: 'ma_crossover', params: {} },
  { strategy: 'ma_crossover', params: { fast: 5, slow: 10 } },
  { strategy: 'ma_crossover', params: { fast: 1, slow: 3, fee_rate: 0.000085, lot: 500 } },
  { strategy: 'ma_crossover', params: { fast: 10, slow: 100, initial_cash: 50_000.5, lot: 7 } },
  { strategy: 'ma_crossover', params: { fast: 2, slow: 4, initial_cash: 999_999_999.99, lot: 1, fee_rate: 0 } },
  { strategy: 'ma_crossover', params: { fast: 3, slow: 8, initial_cash: 800, fee_rate: 0.01 } },
];

test.each([
  ['0700.HK', '2021-01-01', '2023-12-31'],
  ['0005.HK', '2021-01-01', '2023-12-31'],
  ['0700.HK', '2021-11-30', '2023-02-15'],
  ['0005.HK', '2022-06-15', '2022-06-16'],
])('the sample, %s from %s to %s, comes to the same figures as in an independent calculation', async (...span) => {
  const [symbol, from, to] = span;
  const runs = STRATEGIES.map((run) => ({ file: SAMPLE, symbol, from, to, ...run }));
  const bars = await readDailyBars(SAMPLE, symbol, from, to);
  expect(runs.map((run) => figures(run, bars))).toEqual(await calculate(runs));
});

test('the crossover trades on the sample', async () => {
  const bars = await readDailyBars(SAMPLE, SYMBOL, '2021-01-01', '2023-12-31');
  const run = { file: SAMPLE, symbol: SYMBOL, from: '', to: '', strategy: 'ma_crossover', params: {} };
  expect(figures(run, bars)).toMatchObject({ days: '780', trades: '10', final_equity: '1223894.29', fees: '9815.71' });
});

test.each([1, 2, 3])('random walk %p comes to the same figures as in an independent calculation', async (seed) => {
  const folder = await mkdtemp(join(tmpdir(), 'tickcast-backtest-'));
  try {
    const bars = randomWalk(seed);
    const file = join(folder, 'bars.csv');
    await writeFile(file, toCsv(bars));
    const span = { from: bars[0]?.date ?? '', to: bars.at(-1)?.date ?? '' };
    const runs = STRATEGIES.map((run) => ({ file, symbol: SYMBOL, ...span, ...run }));
    expect(runs.map((run) => figures(run, bars))).toEqual(await calculate(runs));
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** Closes of few distinct prices now and then, so that means are equal; tenths of cents, so that values are rounded. */
function randomWalk(seed: number): DailyBar[] {
  const random = seededRandom(seed);
  let price = 1 + Math.floor(random() * 60_000);
  return Array.from({ length: 500 }, (_, index) => {
    const open = Math.max(1, price + Math.round((random() - 0.5) * price * 0.02));
    if (random() < 0.7) price = Math.max(1, open + Math.round((random() - 0.49) * open * 0.05));
    const date = new Date(Date.UTC(2020, 0, 1) + index * DAY_MS).toISOString().slice(0, 10);
    const [high, low] = [Math.max(open, price), Math.min(open, price)];
    return { date, open: open / 1000, high: high / 1000, low: low / 1000, close: price / 1000, volume: 100 };
  });
}

function toCsv(bars: readonly DailyBar[]): string {
  const rows = bars.map(({ date, open, high, low, close, volume }) =>
    [date, SYMBOL, open, high, low, close, volume].join(','),
  );
  return ['timestamp,symbol,open,high,low,close,volume', ...rows, ''].join('\n');
}

/** What the engine says, written as the calculation writes it. */
function figures({ strategy, params }: Run, bars: readonly DailyBar[]): Record<string, string> {
  const backtest = startBacktest({ bars, strategy, params });
  while (!backtest.done) backtest.step();
  const DIGITS: Record<keyof BacktestSummary, number> = {
    initial_cash: 2,
    final_equity: 2,
    profit: 2,
    total_return: 6,
    max_drawdown: 6,
    trades: 0,
    fees: 2,
    shares: 0,
    cash: 2,
    first_date: 0,
    last_date: 0,
    days: 0,
  };
  const digitsOf = new Map(Object.entries(DIGITS));
  return Object.fromEntries(
    Object.entries(backtest.summary()).map(([name, value]: [string, number | string]) => {
      return [name, typeof value === 'number' ? value.toFixed(digitsOf.get(name)) : value];
    }),
  );
}

function calculate(runs: readonly Run[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = execFile(PYTHON, [CALCULATION], { timeout: 25_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout));
      else reject(new Error(`${PYTHON} ${CALCULATION}: ${stderr || error.message}`, { cause: error }));
    });
    child.stdin?.end(JSON.stringify(runs));
  });
}
