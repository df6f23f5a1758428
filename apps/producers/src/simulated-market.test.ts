import { expect, test } from '@jest/globals';
import { checkPublishedFrame } from '@tickcast/protocol';
import { simulatedBacktest } from './simulated-backtest.ts';
import { createSimulatedMarket, SYMBOLS } from './simulated-market.ts';

const MORNING = Date.parse('2024-11-18T10:00:00+08:00');
const EVENING = Date.parse('2024-11-18T23:59:59+08:00');
const NEXT_DAY = Date.parse('2024-11-19T00:00:01+08:00');

test('open, high, low and volume are cumulative for the session, and quotes are frames a publisher may send', () => {
  const market = createSimulatedMarket(1);
  let last = market.quote('0700.HK', MORNING).data;
  for (let second = 1; second < 2000; second++) {
    const frame = market.quote('0700.HK', MORNING + second * 1000);
    expect(checkPublishedFrame('market_data', Buffer.from(JSON.stringify(frame)))).toMatchObject({ key: '0700.HK' });
    const { data } = frame;
    expect(data.open).toBe(last.open);
    expect(data.high).toBe(Math.max(last.high ?? 0, data.price));
    expect(data.low).toBe(Math.min(last.low ?? 0, data.price));
    expect(data.volume).toBeGreaterThan(last.volume);
    last = data;
  }
});

test('a new Hong Kong day begins a new session at the last price', () => {
  const market = createSimulatedMarket(2);
  const { data: before } = market.quote('9988.HK', EVENING);
  const { data: after } = market.quote('9988.HK', NEXT_DAY);
  expect(after.open).toBe(before.price);
  expect(after.volume).toBeLessThanOrEqual(4000);
});

test('the same seed walks the same way, and prices stay on the spread of the exchange', () => {
  const [one, other] = [createSimulatedMarket(3), createSimulatedMarket(3)];
  for (const symbol of Object.keys(SYMBOLS)) {
    for (let index = 0; index < 200; index++) {
      const quote = one.quote(symbol, MORNING);
      expect(other.quote(symbol, MORNING)).toEqual(quote);
      expect(quote.data.price).toBe(Number(quote.data.price.toFixed(2)));
    }
  }
});

test('the simulated backtest runs to `completed` and begins again, in frames a publisher may send', () => {
  const reports = simulatedBacktest(10);
  const run = Array.from({ length: 17 }, () => reports.next().value);
  for (const report of run) {
    expect(checkPublishedFrame('backtest_progress', Buffer.from(JSON.stringify(report)))).not.toHaveProperty('problem');
  }
  expect(run.map(({ data }) => data.status).indexOf('completed')).toBe(15);
  expect(run[15]?.data).toMatchObject({ progress: 1, completed_days: 1095, estimated_remaining: 0 });
  expect(run[16]?.data).toMatchObject({ progress: 0, status: 'running', current_date: '2021-01-01' });
});
