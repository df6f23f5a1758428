import { expect, test } from '@jest/globals';
import { isSaturated } from '../src/rig/conditions.ts';

test('on a core that they share, generator, Redis and publisher together may have 90 % of it', () => {
  const shared = { seconds: 10, generator: 6, redis: 1.5, publisher: 1.4 };
  expect(isSaturated(shared, true)).toBe(false);
  expect(isSaturated({ ...shared, publisher: 1.6 }, true)).toBe(true);
});

test('where there are more cores the generator alone counts', () => {
  const apart = { seconds: 10, generator: 8.9, redis: 5, publisher: 5 };
  expect(isSaturated(apart, false)).toBe(false);
  expect(isSaturated({ ...apart, generator: 9.1 }, false)).toBe(true);
});
