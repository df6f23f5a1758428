import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import type { Quote } from '../src/market/feed.ts';
import { inMarket, TAKEN_OVER_MS, WATCHED } from './support/market-world.ts';

const WITHIN_MS = 90_000;
const SAMPLE = fileURLToPath(new URL('../samples/ticks.csv', import.meta.url));
const HAS_ENDED = /"the feed has ended"/;

test.concurrent(
  'a replay of the sample ends with what a plain reading of the file says, and stays ended when it is taken over',
  () =>
    inMarket(async (market) => {
      const words = ['replay', SAMPLE, '--once', '--speed', '200'];
      const first = await market.start('first', ...words);
      await first.process.waitForLine(HAS_ENDED, 30_000);
      await eventually(async () => expect(await market.lastValues()).toEqual(readPlainly()));
      for (const symbol of WATCHED) {
        const volumes = market.of(symbol).map(({ volume }) => volume);
        expect(volumes.length).toBeGreaterThan(400);
        expect(volumes).toEqual(volumes.toSorted((a, b) => a - b));
      }
      const counts = WATCHED.map((symbol) => market.of(symbol).length);
      const second = await market.start('second', ...words);
      await first.process.stop();
      await second.process.waitForLine(HAS_ENDED, TAKEN_OVER_MS);
      await second.process.stop();
      expect(WATCHED.map((symbol) => market.of(symbol).length)).toEqual(counts);
    }),
  WITHIN_MS,
);

test.concurrent(
  'a replay whose worker is killed in the middle goes on there: no row again, and the same end',
  () =>
    inMarket(async (market) => {
      const [first, second] = await market.startTwo('replay', SAMPLE, '--once', '--speed', '50');
      await market.more(150, 30_000);
      await first.process.kill();
      await second.process.waitForLine(HAS_ENDED, 60_000);
      await eventually(async () => expect(await market.lastValues()).toEqual(readPlainly()));
      for (const symbol of WATCHED) {
        const timestamps = market.of(symbol).map(({ timestamp }) => timestamp);
        expect(timestamps).toEqual([...new Set(timestamps)].toSorted((a, b) => a - b));
      }
    }),
  WITHIN_MS,
);

/** The last quotes of the sample, from its text alone. */
function readPlainly(): Quote[] {
  const lines = readFileSync(SAMPLE, 'utf8').trim().split('\n').slice(2);
  const rows = lines.map((line) => line.split(','));
  return WATCHED.map((symbol) => {
    const own = rows.filter((row) => row[1] === symbol);
    const prices = own.map((row) => Number(row[2]));
    return {
      symbol,
      timestamp: Date.parse(`${own.at(-1)?.[0]}+08:00`) / 1000,
      price: prices.at(-1) ?? 0,
      open: prices[0] ?? 0,
      high: Math.max(...prices),
      low: Math.min(...prices),
      volume: own.reduce((sum, row) => sum + Number(row[3]), 0),
    };
  });
}
