import { expect, test } from '@jest/globals';
import { checkBacktestRequest } from './backtest-request.ts';

const good = {
  strategy: 'ma_crossover',
  symbol: '0700.HK',
  from: '2021-01-04',
  to: '2021-01-04',
  params: { fast: 5 },
  data: 'daily-bars.csv',
};

test('a request of one day, with or without a pace, is good', () => {
  expect(checkBacktestRequest(good)).toEqual([]);
  expect(checkBacktestRequest({ ...good, days_per_second: 0.5 })).toEqual([]);
});

test.each([
  [{ symbol: '700.hk' }, 'symbol must be in normal form: 0700.HK'],
  [{ symbol: 'a b' }, 'symbol must be a symbol such as 0700.HK'],
  [{ from: '4 Jan' }, 'from must be the first day, YYYY-MM-DD'],
  [{ from: '2021-02-30', to: '2021-03-01' }, 'from is no day of the calendar: 2021-02-30'],
  [{ to: '2021-99-99' }, 'to is no day of the calendar: 2021-99-99'],
  [{ to: '2021-01-03' }, 'from (2021-01-04) must not be after to (2021-01-03)'],
  [{ params: { fast: '5' } }, 'params.fast must be number'],
  [{ days_per_second: 0 }, 'days_per_second must be > 0'],
  [{ cash: 1 }, 'cash is unknown'],
  [{ strategy: undefined }, 'strategy is missing'],
])('%j: %s', (change, problem) => {
  expect(checkBacktestRequest(JSON.parse(JSON.stringify({ ...good, ...change })))).toEqual([problem]);
});

test.each(['../secret.csv', '/etc/passwd', '..', '.env', 'a/b.csv', 'a\\b.csv', ''])(
  'data is the name of a file in the data directory, never a way out of it: %j',
  (data) => {
    expect(checkBacktestRequest({ ...good, data })[0]).toMatch(/^data must be the name of a file/);
  },
);

test.each([null, undefined, 1, 'x', []])('%j is no request', (value) => {
  expect(checkBacktestRequest(value)).toEqual(['it must be object']);
});
