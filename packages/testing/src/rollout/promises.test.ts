/** A scenario that finds nothing wrong shows something only if it would have found it. */
import { expect, test } from '@jest/globals';
import type { Roamer } from '../roamer.ts';
import {
  expectCleanExits,
  expectEveryAlertOnce,
  expectNewestQuote,
  expectNobodyLetIn,
  expectOnlySentAway,
  expectSeatsKept,
} from './promises.ts';

const roamer = (seen: Partial<Roamer>): Roamer => ({
  seats: ['a'],
  nodes: ['edge-1'],
  closes: [],
  absences: [],
  alerts: [],
  wantsQuotes: true,
  quotes: [],
  notices: [],
  refusals: [],
  leave: async () => undefined,
  ...seen,
});

test.each([
  ['is lost', [1, 2, 4], '…1, 2, 4…'],
  ['comes twice', [1, 2, 2, 3, 4], '…1, 2, 2, 3, 4…'],
  ['comes out of order', [1, 3, 2, 4], '…1, 3, 2, 4…'],
  ['is lost before the others', [3, 4], '3 to 4'],
])('an alert that %s is told', async (_, alerts, seen) => {
  await expect(expectEveryAlertOnce([roamer({ alerts })], 1, 4)).rejects.toThrow(seen);
});

test('alerts from any number up to the latest first are complete', async () => {
  const alerts = [1, 2, 3, 4];
  await expectEveryAlertOnce([roamer({ alerts }), roamer({ alerts: alerts.slice(1) })], 2, 4);
});

test('a quote that is older than the push before is told; a snapshot at another edge may be', async () => {
  const pushes = (...numbers: number[]) => numbers.map((n) => ({ n, isSnapshot: false }));
  await expectNewestQuote([roamer({ quotes: [...pushes(1, 3), { n: 2, isSnapshot: true }, ...pushes(4)] })], 4);
  await expect(expectNewestQuote([roamer({ quotes: pushes(1, 3, 2, 4) })], 4)).rejects.toThrow('…1,3,2,4');
});

test('quotes that never came are told, to those who wanted some', async () => {
  await expectNewestQuote([roamer({ wantsQuotes: false })], 4);
  await expect(expectNewestQuote([roamer({})], 4)).rejects.toThrow('1 of 1');
});

test('a seat that is lost, or shared, is told', () => {
  expectSeatsKept([roamer({ seats: ['a', 'a'] }), roamer({ seats: ['b'] })]);
  expect(() => expectSeatsKept([roamer({ seats: ['a', 'b'] })])).toThrow('seats a, b');
  expect(() => expectSeatsKept([roamer({}), roamer({})])).toThrow('1 seats of 2');
});

test('a close other than 1012, a newcomer in a full cluster, and an exit code are told', () => {
  expect(() => expectOnlySentAway([roamer({ closes: [{ code: 1006, at: 0 }] })])).toThrow('1006');
  expect(() => expectNobodyLetIn([{ at: 0, tookMs: 1, outcome: 'seated', answer: 'welcome' }])).toThrow('welcome');
  expect(() => expectCleanExits([{ exitCode: 137, tookMs: 1 }])).toThrow('137');
});
