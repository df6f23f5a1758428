import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { DailyBar } from '../market/daily-bars.ts';
import { Backtest, type BacktestCheckpoint, startBacktest } from './engine.ts';
import { History } from './history.ts';
import { completeParams } from './params.ts';
import { Portfolio } from './portfolio.ts';
import type { PastDays, Strategy } from './strategy.ts';

const START = Date.UTC(2021, 0, 4);

/** Bars of consecutive days, given as [open, close] or a price for both. */
function barsOf(...prices: Array<number | readonly [number, number]>): DailyBar[] {
  return prices.map((price, index) => {
    const [open, close] = typeof price === 'number' ? [price, price] : price;
    const date = new Date(START + index * 86_400_000).toISOString().slice(0, 10);
    return { date, open, high: Math.max(open, close), low: Math.min(open, close), close, volume: 1000 };
  });
}

const hold = (bars: DailyBar[], params: Record<string, number> = {}) =>
  startBacktest({ bars, strategy: 'buy_and_hold', params });

function finish(backtest: Backtest): Backtest {
  while (!backtest.done) backtest.step();
  return backtest;
}

/** A backtest of a strategy that is not among those that ship. */
function backtestOf(bars: DailyBar[], target: (past: PastDays) => number, given = {}, from?: BacktestCheckpoint) {
  const strategy: Strategy = { name: 'test', params: {}, target };
  const { account, own } = completeParams(strategy, given);
  const history = new History(bars, from?.completed_days ?? 0);
  return new Backtest(strategy, own, history, new Portfolio(account, from?.portfolio), from);
}

const price = fc.integer({ min: 10, max: 900_000 }).map((mills) => mills / 1000);
const anyBars = fc.array(fc.tuple(price, price), { minLength: 1, maxLength: 60 }).map((prices) => barsOf(...prices));
const anyAccount = fc.record({
  initial_cash: fc.integer({ min: 1, max: 1_000_000_000 }).map((cents) => cents / 100),
  fee_rate: fc.integer({ min: 0, max: 100_000 }).map((millionths) => millionths / 1_000_000),
  lot: fc.integer({ min: 1, max: 1000 }),
});
const anyRun = fc.record({
  bars: anyBars,
  strategy: fc.constantFrom('ma_crossover', 'buy_and_hold'),
  params: anyAccount,
  days: fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 20 })),
});
const runOf = ({
  bars,
  strategy,
  params,
  days: [fast, more],
}: typeof anyRun extends fc.Arbitrary<infer T> ? T : never) => ({
  bars,
  strategy,
  params: strategy === 'ma_crossover' ? { ...params, fast, slow: fast + more } : params,
});

test('a decision at a close is done at the next open, in whole lots, with a fee, and marked at the close', () => {
  const backtest = finish(hold(barsOf(99, [100.5, 104], [98, 101.25])));
  // 99 lots cost 994,950.00 and 994.95 of fee; a 100th would cost more than a million.
  expect(backtest.summary()).toEqual({
    initial_cash: 1_000_000,
    cash: 4055.05,
    shares: 9900,
    fees: 994.95,
    trades: 1,
    final_equity: 1_006_430.05,
    profit: 6430.05,
    total_return: 0.00643,
    // From 1,033,655.05 on the second day.
    max_drawdown: 0.026339,
    first_date: '2021-01-04',
    last_date: '2021-01-06',
    days: 3,
  });
});

test('money is rounded half up to the cent: the value of a trade, and its fee', () => {
  // 1 share at 2.345 is 2.35; 0.1 of that is 0.24, as 0.235 is rounded up.
  const backtest = finish(hold(barsOf(2.345, 2.345), { lot: 1, initial_cash: 2.59, fee_rate: 0.1 }));
  expect(backtest.summary()).toMatchObject({ shares: 1, fees: 0.24, cash: 0, final_equity: 2.35 });
  const tooPoor = finish(hold(barsOf(2.345, 2.345), { lot: 1, initial_cash: 2.58, fee_rate: 0.1 }));
  expect(tooPoor.summary()).toMatchObject({ shares: 0, trades: 0, fees: 0, cash: 2.58 });
});

test('prices are taken to 1/1000 HKD, halves rounded up as they are written', () => {
  // 1.0005 * 1000 is 1000.4999999999999 in doubles.
  const backtest = finish(hold(barsOf(1.0005, 1.0005), { lot: 1000, initial_cash: 2000, fee_rate: 0 }));
  expect(backtest.summary()).toMatchObject({ shares: 1000, cash: 999, final_equity: 2000 });
});

test('the crossover is in the stock from the day after the fast mean rose above the slow one until it fell below', () => {
  const params = { fast: 1, slow: 2, lot: 1, fee_rate: 0, initial_cash: 100 };
  const backtest = startBacktest({ bars: barsOf(10, 10, 11, 20, 10, 10), strategy: 'ma_crossover', params });
  const shares: number[] = [];
  while (!backtest.done) {
    backtest.step();
    shares.push(backtest.summary().shares);
  }
  // Equal means are no reason to buy. Bought at 20, on the fourth day; sold at 10, on the sixth.
  expect(shares).toEqual([0, 0, 0, 5, 5, 0]);
  expect(backtest.summary()).toMatchObject({ cash: 50, trades: 2, total_return: -0.5, max_drawdown: 0.5 });
});

test('an order is given when the target changes, and not again because the price does', () => {
  const targets = [0.5, 0.5, 0.25, 0.25];
  const bars = barsOf(10, 10, 20, 10, 10);
  const backtest = backtestOf(bars, (past) => targets[past.length - 1] ?? 0, {
    lot: 1,
    fee_rate: 0,
    initial_cash: 100,
  });
  const shares = bars.map(() => {
    backtest.step();
    return backtest.summary().shares;
  });
  expect(shares).toEqual([0, 5, 5, 2, 2]);
});

test('it begins at day 0 of all bars in the range, with the first date', () => {
  const backtest = hold(barsOf(10, 11));
  expect(backtest).toMatchObject({ totalDays: 2, completedDays: 0, currentDate: '2021-01-04', done: false });
  expect(backtest.summary()).toMatchObject({ days: 0, final_equity: 1_000_000, total_return: 0, max_drawdown: 0 });
  finish(backtest).step();
  expect(backtest).toMatchObject({ completedDays: 2, currentDate: '2021-01-05', done: true });
});

test('going on from the checkpoint of any day equals an uninterrupted run', () => {
  fc.assert(
    fc.property(anyRun, (any) => {
      const run = runOf(any);
      const expected = finish(startBacktest(run)).summary();
      const walked = startBacktest(run);
      for (;;) {
        const saved = JSON.parse(JSON.stringify(walked.checkpoint())) as BacktestCheckpoint;
        const resumed = startBacktest(run, saved);
        expect(resumed.checkpoint()).toEqual(saved);
        expect(resumed.summary()).toEqual(walked.summary());
        expect(finish(resumed).summary()).toEqual(expected);
        if (walked.done) return;
        walked.step();
      }
    }),
    { numRuns: 60 },
  );
});

test('no cash and no shares are ever owed, shares are whole lots, and no money appears or goes but by prices and fees', () => {
  const anyTargets = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(anyBars, anyAccount, anyTargets, (bars, account, targets) => {
      const backtest = backtestOf(bars, (past) => targets[past.length - 1] ?? 0, account);
      for (const { open, close } of bars) {
        const before = backtest.summary();
        backtest.step();
        const after = backtest.summary();
        expect(after.cash).toBeGreaterThanOrEqual(0);
        expect(after.shares).toBeGreaterThanOrEqual(0);
        expect(after.shares % account.lot).toBe(0);
        const spent = (after.shares - before.shares) * open + after.fees - before.fees;
        // Half a cent of rounding; and of a fortune, whose cents a number of 53 bits no longer holds, a few last digits.
        const most =
          0.006 + 8 * Number.EPSILON * Math.max(before.final_equity, after.final_equity, after.shares * open);
        expect(Math.abs(before.cash - spent - after.cash)).toBeLessThan(most);
        expect(Math.abs(after.cash + after.shares * close - after.final_equity)).toBeLessThan(most);
      }
    }),
    { numRuns: 200 },
  );
});

test('what comes later changes nothing of what was: no strategy looks ahead', () => {
  fc.assert(
    fc.property(anyRun, anyBars, fc.nat({ max: 59 }), (any, others, cut) => {
      const run = runOf(any);
      const days = Math.min(cut, run.bars.length, others.length);
      const changed = [...run.bars.slice(0, days), ...others.slice(days)];
      const [one, other] = [startBacktest(run), startBacktest({ ...run, bars: changed })];
      for (let day = 0; day < days; day += 1) {
        one.step();
        other.step();
      }
      expect({ ...other.checkpoint(), bars: '' }).toEqual({ ...one.checkpoint(), bars: '' });
    }),
  );
  const looking = backtestOf(barsOf(10, 10, 10), (past) => past.bar(-1).close);
  expect(() => finish(looking)).toThrow(RangeError);
});

test('mean closes are those of the last days, today among them, once there are so many', () => {
  fc.assert(
    fc.property(anyBars, fc.integer({ min: 1, max: 20 }), (bars, days) => {
      const means: Array<number | null> = [];
      finish(backtestOf(bars, (past) => (means.push(past.averageClose(days)), 0)));
      const expected = means.map((_, index) => {
        const last = bars.slice(0, index + 1).slice(-days);
        const mills = last.reduce((sum, { close }) => sum + Math.round(close * 1000), 0);
        return last.length < days ? null : mills / (days * 1000);
      });
      expect(means).toEqual(expected);
    }),
  );
});

test.each([
  ['an unknown strategy', { strategy: 'magic' }, /no strategy "magic"; there are ma_crossover, buy_and_hold/],
  ['an unknown parameter', { params: { quick: 3 } }, /no parameter "quick"; it has fast, slow, initial_cash/],
  ['a parameter that every object has', { params: JSON.parse('{"constructor":1}') }, /no parameter "constructor"/],
  ['one out of its bounds', { params: { fast: 0 } }, /fast must be a whole number, from 1 to 1000; it is 0/],
  [
    'one with too many digits',
    { params: { initial_cash: 0.125 } },
    /initial_cash must be a number of at most 2 digits/,
  ],
  ['one that is no number', { params: { slow: Number.NaN } }, /slow must be .* it is NaN/],
  ['parameters against each other', { params: { fast: 50, slow: 50 } }, /fast \(50\) must be less than slow \(50\)/],
  ['no bars', { bars: [] }, /no bars/],
  ['bars out of order', { bars: barsOf(1, 2).toReversed() }, /2021-01-04 comes after one of the same or a later day/],
  ['a bar without a price', { bars: barsOf(1, [0, 1]) }, /2021-01-05 has no good open: it is 0/],
])('%s is refused, with what there is', (_what, change, message) => {
  const run = { bars: barsOf(1, 2), strategy: 'ma_crossover', params: {}, ...change };
  const start = () => startBacktest(run);
  expect(start).toThrow(expect.objectContaining({ code: 'backtest_refused', message: expect.stringMatching(message) }));
});

test('a checkpoint of other bars is refused, whichever of them changed', () => {
  const backtest = hold(barsOf(1, 2, 3));
  backtest.step();
  backtest.step();
  const saved = backtest.checkpoint();
  for (const bars of [barsOf(1), barsOf(1, 2, 3).slice(1), barsOf(1, 2, 3, 4), barsOf(1, 2, 4), barsOf(2, 2, 3)]) {
    const goOn = () => startBacktest({ bars, strategy: 'buy_and_hold', params: {} }, saved);
    expect(goOn).toThrow(expect.objectContaining({ code: 'backtest_refused' }));
  }
});

test.each([-0.1, 1.1, Number.NaN])('a strategy that wants %p of the equity ends the backtest', (target) => {
  const run = () => finish(backtestOf(barsOf(1, 2), () => target));
  expect(run).toThrow(/test wants .* after 2021-01-04: a strategy's target must be from 0 to 1/);
});
