/** Holds every overlay to the tables of policies, and shows that each policy finds the mistakes it is there for. */
import { describe, expect, test } from '@jest/globals';
import { describeMistake, overlayOf, withMistake } from './test-support/mistakes.ts';
import { POLICIES } from './test-support/policies.ts';
import { renderOverlays } from './test-support/render.ts';

const overlays = await renderOverlays();

describe.each(POLICIES)('$name', ({ check, mistakes }) => {
  test.each(overlays)('in overlay $name', (overlay) => {
    expect(check(overlay)).toEqual([]);
  });

  test.each(mistakes.map((mistake) => [describeMistake(mistake), mistake] as const))('finds: %s', (_, mistake) => {
    expect(check(withMistake(overlayOf(mistake, overlays), mistake))).not.toEqual([]);
  });
});

test('every policy has a mistake that it finds', () => {
  expect(POLICIES.filter(({ mistakes }) => mistakes.length === 0).map(({ name }) => name)).toEqual([]);
});
