import { expect, test } from '@jest/globals';
import { summaryTable } from './backtest-summary.ts';

test('the summary is a table of what people read: money to the cent, ratios in percent, and what is new as it is', () => {
  const result = { initial_cash: 1_000_000, profit: -5041.7, total_return: -0.005042, shares: 32_400, sharpe: 1.25 };
  expect(summaryTable({ ...result, first_date: '2021-01-04' }).split('\n')).toEqual([
    'initial cash  1,000,000.00 HKD',
    'profit           -5,041.70 HKD',
    'total return         -0.5042 %',
    'shares                  32,400',
    'sharpe                    1.25',
    'first date          2021-01-04',
  ]);
});

test('a result that says nothing is an empty table', () => {
  expect(summaryTable(undefined)).toBe('');
});
