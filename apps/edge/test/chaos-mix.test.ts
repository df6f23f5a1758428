/** SPEC 3 and 1, while several things fail at once, drawn by a seed: `npm run chaos` draws more of them. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Chaos } from '@tickcast/testing';
import { startSmallChaos, told } from './support/chaos.ts';

const STEPS = 3;

let chaos: Chaos;
const script: string[] = [];

beforeAll(async () => {
  chaos = await startSmallChaos(33, (line) => script.push(line));
}, 60_000);
afterAll(() => chaos.end());

test('nothing is lost silently, doubled or out of order, and nobody loses a place, when several things fail at once', async () => {
  for (let step = 0; step < STEPS; step++) {
    const found = told(await chaos.sufferAnything());
    expect({ script, found }).toEqual({ script, found: [] });
  }
  expect(told(await chaos.settle())).toEqual([]);
}, 240_000);
