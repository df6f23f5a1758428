import { expect, test } from '@jest/globals';
import { highestFigures, highestRatio, pointsOf } from '../src/loads/ladder.ts';
import type { Rung } from '../src/types.ts';

/** Two climbs of ours, two of the floor's, one of each other server: `[rate, p99]` a rung. */
const RUNGS: Rung[] = [
  ...climb('tickcast', 1, [10, 20], [20, 90]),
  ...climb('floor', 1, [10, 5], [20, 1500]),
  ...climb('tickcast', 2, [10, 22], [20, 150]),
  ...climb('floor', 2, [10, 7]),
  ...climb('ws', 1, [10, 2000]),
  ...climb('socket-io', 1, [10, 50]),
];

test('a point is the median of the climbs that came so far, and keeps them', () => {
  const points = pointsOf(RUNGS);
  expect(points.map(({ server, rate, p99Ms, climbs }) => [server, rate, p99Ms, climbs.length])).toEqual([
    ['tickcast', 10, 21, 2],
    ['tickcast', 20, 120, 2],
    ['floor', 10, 6, 2],
    ['floor', 20, 1500, 1],
    ['ws', 10, 2000, 1],
    ['socket-io', 10, 50, 1],
  ]);
});

test('the highest load is the median of the climbs, with its spread, and nothing where no rung was in time', () => {
  expect(highestFigures(RUNGS)).toEqual({
    tickcast: { median: 15_000, min: 10_000, max: 20_000, unit: '/s' },
    floor: { median: 10_000, min: 10_000, max: 10_000, unit: '/s' },
    ws: { median: 0, min: 0, max: 0, unit: '/s' },
    'socket-io': { median: 10_000, min: 10_000, max: 10_000, unit: '/s' },
  });
  expect(highestRatio(RUNGS)).toEqual({ median: 1.5, min: 1, max: 2, unit: 'x' });
});

test('a rung on which events are missing does not count, one whose clients had no time left does', () => {
  const [first, ...rest] = RUNGS as [Rung, ...Rung[]];
  expect(highestFigures([{ ...first, missing: 0.01 }, ...rest])['tickcast']?.max).toBe(20_000);
  const lossy = RUNGS.map((rung) => ({ ...rung, missing: 0.01 }));
  expect(highestFigures(lossy)['tickcast']?.max).toBe(0);
  const busy = RUNGS.map((rung) => ({ ...rung, othersSaturated: true }));
  expect(highestFigures(busy)).toEqual(highestFigures(RUNGS));
});

function climb(server: string, number: number, ...rungs: Array<[rate: number, p99Ms: number]>): Rung[] {
  return rungs.map(([rate, p99Ms]) => ({
    server,
    climb: number,
    rate,
    deliveriesPerSecond: rate * 1000,
    p50Ms: p99Ms / 2,
    p99Ms,
    missing: 0,
    serverCpuPercent: 50,
    latestPublishMs: 0,
    othersSaturated: false,
  }));
}
