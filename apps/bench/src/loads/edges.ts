import { figureOf } from '../statistics.ts';
import type { LoadResult } from '../types.ts';
import { compare, judged } from './compare.ts';
import { fanOutOf, rateOf } from './fan-out-of.ts';
import type { Load } from './load.ts';
import { steadyAudience } from './steady.ts';

const COUNTS = [1, 2, 4] as const;
const MOST_APART = 1.1;

const named = (count: number) => `tickcast x ${count}`;

/** The steady load over more and more edges: what one more of them costs Redis, and the others. */
export const edges: Load = async (extent) => {
  const audience = steadyAudience(extent);
  const settings = { audience, perSecond: rateOf(audience, 10) };
  const more = COUNTS.slice(1).map((count) => ({
    what: `Redis CPU an event, ratio of ${count} edges to one`,
    ratio: { figure: 'Redis CPU an event', of: named(count), to: named(1) },
    atMost: count,
  }));
  const result = await compare(extent, {
    name: 'edges',
    about: `the steady load over 1, 2 and 4 edges, ${audience.clients} clients in all`,
    servers: Object.fromEntries(
      COUNTS.map((count) => [named(count), fanOutOf(extent, 'tickcast', { ...settings, count })]),
    ),
    ratios: [
      ...more.map(({ ratio }) => ratio),
      ...COUNTS.slice(1).map((count) => ({ figure: 'CPU a delivery', of: named(count), to: named(1) })),
    ],
    targets: more,
  });
  if (extent.profileTo !== null) return { result };
  const apart = { what: 'CPU a delivery, most to least over 1, 2, 4 edges', atMost: MOST_APART };
  return { result: { ...result, targets: [...result.targets, judged(apart, spreadOver(result), 'x')] } };
};

/** Of the CPU a delivery, most to least within a repeat; the median of the repeats. */
function spreadOver({ servers }: LoadResult): number {
  const costs = COUNTS.map((count) =>
    (servers[named(count)]?.runs ?? []).map(({ figures }) => figures['CPU a delivery'] ?? Number.NaN),
  );
  const repeats = costs[0]?.map((_, repeat) => costs.map((of) => of[repeat] ?? Number.NaN)) ?? [];
  return figureOf(
    repeats.map((of) => Math.max(...of) / Math.min(...of)),
    'x',
  ).median;
}
