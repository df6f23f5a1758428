import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { normalSymbol } from '@tickcast/protocol';
import { parseFeed } from './feed-words.ts';

const UNENDED = new AbortController().signal;
const directory = mkdtempSync(join(tmpdir(), 'tickcast-feed-'));
const FILE = join(directory, 'ticks.csv');
writeFileSync(FILE, 'timestamp,symbol,price,volume\n1732000000,700.HK,400,100\n1732000001,5.hk,70,100\n');
afterAll(() => rmSync(directory, { recursive: true }));

test('by default ten well-known symbols are simulated', async () => {
  const symbols = await parseFeed(['simulate']).symbols(UNENDED);
  expect(symbols).toHaveLength(10);
  expect(symbols).toContain('0700.HK');
});

test('symbols are a number, up to 2000 different codes, or names in any of their forms', async () => {
  expect(await parseFeed(['simulate', '--symbols', '700.HK,HK.00005, 0700.hk']).symbols(UNENDED)).toEqual([
    '0700.HK',
    '0005.HK',
  ]);
  const many = await parseFeed(['simulate', '--symbols', '2000']).symbols(UNENDED);
  expect(new Set(many).size).toBe(2000);
  expect(many.every((symbol) => normalSymbol(symbol) === symbol && symbol.length === 7)).toBe(true);
});

test('a replay has the symbols of its file, in normal form', async () => {
  expect(await parseFeed(['replay', FILE, '--speed', '10', '--once', '--max-gap=2']).symbols(UNENDED)).toEqual([
    '0700.HK',
    '0005.HK',
  ]);
});

test.each<[string, string[], RegExp]>([
  ['no words', [], /The feed is not named/],
  ['an unknown feed', ['live'], /There is no feed "live"/],
  ['an unknown option', ['simulate', '--fast'], /Unknown option '--fast'/],
  ['an option of the other feed', ['simulate', '--once'], /Unknown option '--once'/],
  ['a word too many', ['simulate', 'all'], /simulate takes no "all"/],
  ['no symbol', ['simulate', '--symbols', '0'], /--symbols must be a number from 1 to 2000, not "0"/],
  ['too many symbols', ['simulate', '--symbols', '2001'], /from 1 to 2000/],
  ['what is no symbol', ['simulate', '--symbols', '0700.HK,a b'], /symbols such as 0700.HK, not "a b"/],
  ['a rate of 0', ['simulate', '--rate', '0'], /--rate must be a number from 0.01 to 100, not "0"/],
  ['a rate that is no number', ['simulate', '--rate', 'fast'], /--rate must be a number/],
  ['a broken seed', ['simulate', '--seed', '1.5'], /--seed must be a whole number/],
  ['unknown hours', ['simulate', '--hours', 'nyse'], /--hours must be one of always, hkex, hkex-no-lunch, not "nyse"/],
  [
    'a holiday that is no date',
    ['simulate', '--holidays', '2024-02-30'],
    /--holidays must be dates .* not "2024-02-30"/,
  ],
  ['a replay of nothing', ['replay'], /replay needs a FILE/],
  ['two files', ['replay', FILE, 'b.csv'], /no place for "b.csv"/],
  ['a file of another kind', ['replay', 'ticks.xlsx'], /must end in .csv, .ndjson or .jsonl/],
  ['a file that is not there', ['replay', '/nowhere/ticks.csv'], /\/nowhere\/ticks.csv can't be read/],
  ['a speed of 0', ['replay', FILE, '--speed', '0'], /--speed must be a number/],
  ['a negative gap', ['replay', FILE, '--max-gap=-1'], /--max-gap must be a number from 0/],
])('%s: refused by a message that says which word and how to write it', (_name, words, message) => {
  let thrown: unknown;
  try {
    parseFeed(words);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'feed_words_invalid', message: expect.stringMatching(message) });
  expect((thrown as Error).message).toContain('replay FILE [--speed TIMES]');
});
