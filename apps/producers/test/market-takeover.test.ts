import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { TapedQuote } from './support/market-tape.ts';
import { breaksIn, inMarket, LEADS, TAKEN_OVER_MS, termsOf, WATCHED } from './support/market-world.ts';

const WITHIN_MS = 90_000;

test.concurrent(
  'a killed leader is replaced within 10 s, with the last values of 500 symbols: prices go on, volume never falls',
  () =>
    inMarket(async (market) => {
      const [first, second] = await market.startTwo('simulate', '--symbols', '500', '--rate', '1');
      await market.more(3, 20_000);
      await first.process.kill();
      await second.process.waitForLine(LEADS, 2 * TAKEN_OVER_MS);
      await market.more(3, 20_000);
      expect(JSON.parse(await second.process.waitForLine(LEADS))).toMatchObject({ symbols: 500, continued: 500 });
      expect(longestSilence(WATCHED.flatMap((symbol) => market.of(symbol)))).toBeLessThan(TAKEN_OVER_MS);
      for (const symbol of WATCHED) expect(breaksIn(market.of(symbol), 6)).toEqual([]);
    }),
  WITHIN_MS,
);

/** By Redis's clock, ms. */
function longestSilence(quotes: readonly TapedQuote[]): number {
  const times = quotes.map(({ publishedAt }) => publishedAt).toSorted((a, b) => a - b);
  return 1000 * Math.max(...times.map((time, at) => time - (times[at - 1] ?? time)));
}

test.concurrent(
  'a leader that stops is replaced at once, and leaves with code 0',
  () =>
    inMarket(async (market) => {
      const [first, second] = await market.startTwo('simulate');
      await market.more(2, 10_000);
      expect(await first.process.stop()).toEqual({ code: 0, signal: null });
      await second.process.waitForLine(LEADS, 5000);
      await market.more(2, 10_000);
      for (const symbol of WATCHED) expect(breaksIn(market.of(symbol), 5)).toEqual([]);
    }),
  WITHIN_MS,
);

test.concurrent(
  'a leader that was paused, and wakes up while another one leads, publishes nothing in between',
  () =>
    inMarket(async (market) => {
      const [first, second] = await market.startTwo('simulate', '--rate', '20');
      await market.more(10, 10_000);
      first.process.signal('SIGSTOP');
      await second.process.waitForLine(LEADS, TAKEN_OVER_MS);
      await sleep(3000);
      first.process.signal('SIGCONT');
      await first.process.waitForLine(/"duty":"market".*"this worker leads no more"/);
      await market.more(20, 10_000);
      for (const symbol of WATCHED) expect(breaksIn(market.of(symbol), 5)).toEqual([]);
      expect(termsOf(second)).toBe(1);
    }),
  WITHIN_MS,
);
