/** SPEC 3 and 1, while several things fail at once, drawn by seeds: `npm run chaos` draws more of them. */
import { afterAll, expect, test } from '@jest/globals';
import type { Chaos } from '@tickcast/testing';
import { startSmallChaos, told } from './support/chaos.ts';

const STEPS = 2;

const clusters: Chaos[] = [];
afterAll(() => Promise.all(clusters.map((chaos) => chaos.end())));

test.concurrent.each([33, 37])(
  'nothing is lost silently, doubled or out of order, and nobody loses a place, when several things fail at once (seed %i)',
  async (seed) => {
    const script: string[] = [];
    const chaos = await startSmallChaos(seed, (line) => script.push(line));
    clusters.push(chaos);
    for (let step = 0; step < STEPS; step++) {
      const found = told(await chaos.sufferAnything());
      expect({ script, found }).toEqual({ script, found: [] });
    }
    expect(told(await chaos.settle())).toEqual([]);
  },
  240_000,
);
