import { expect, test } from '@jest/globals';
import { judged } from '../src/loads/compare.ts';
import { evenAudience, symbolTopics, tally } from '../src/rig/audience.ts';
import { figureOf, ratioOf } from '../src/statistics.ts';

test('a figure is the median of its runs, with the spread', () => {
  expect(figureOf([3, 1, 2], 'ms')).toEqual({ median: 2, min: 1, max: 3, unit: 'ms' });
  expect(figureOf([4, 1, 2, 3], 'ms')).toEqual({ median: 2.5, min: 1, max: 4, unit: 'ms' });
  expect(() => figureOf([], 'ms')).toThrow(RangeError);
});

test('a ratio is formed within each repeat, not of two medians', () => {
  expect(ratioOf([1, 10, 30], [2, 40, 30])).toEqual({ median: 0.5, min: 0.25, max: 1, unit: 'x' });
  expect(() => ratioOf([1], [1, 2])).toThrow(RangeError);
});

test('a bound is reached at the bound itself, and never by a figure that is missing', () => {
  expect(judged({ what: 'cost', atMost: 0.45 }, 0.45, 'x')).toEqual({
    what: 'cost',
    wanted: '<= 0.45x',
    got: 0.45,
    reached: true,
  });
  expect(judged({ what: 'cost', atMost: 0.45 }, 0.46, 'x').reached).toBe(false);
  expect(judged({ what: 'speed', atLeast: 2 }, 2.5, 'x')).toMatchObject({ wanted: '>= 2x', reached: true });
  expect(judged({ what: 'p99', atMost: 100 }, Number.NaN, 'ms')).toMatchObject({
    wanted: '<= 100 ms',
    got: null,
    reached: false,
  });
});

test('every topic is wanted equally often, also by the clients that take latencies', () => {
  const audience = evenAudience(1000, symbolTopics(50), 10, 49);
  const wanted = (every: number) => {
    const counts = new Map<string, number>();
    for (let client = 0; client < 1000; client += every) {
      for (const topic of audience.topicsOf(client)) counts.set(topic, (counts.get(topic) ?? 0) + 1);
    }
    return [...counts.values()];
  };
  expect(new Set(wanted(1))).toEqual(new Set([200]));
  expect(wanted(49)).toHaveLength(50);
  expect(Math.max(...wanted(49)) - Math.min(...wanted(49))).toBeLessThanOrEqual(1);
});

test('what came is held against what was published, merged events included where they are known', () => {
  const audience = evenAudience(2, ['a', 'b', 'c'], 2, 1);
  // Seven events: three of a, two of b, two of c. Client 0 has a and b, client 1 c and a.
  const full = [
    { events: 5, conflated: 0, ended: null },
    { events: 4, conflated: 1, ended: null },
  ];
  expect(tally(audience, 7, full)).toEqual({
    delivered: 9,
    expected: 10,
    unaccounted: 0,
    watched: 10,
    ended: 0,
    firstEnd: null,
  });
  const lacking = [
    { events: 4, conflated: null, ended: null },
    { events: 3, conflated: 1, ended: 'it broke' },
  ];
  expect(tally(audience, 7, lacking)).toEqual({
    delivered: 7,
    expected: 10,
    unaccounted: 1,
    watched: 5,
    ended: 1,
    firstEnd: 'it broke',
  });
});
