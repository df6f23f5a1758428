import type { Figure, LoadResult, Rung, ServerResult } from '../types.ts';
import { compare, judged } from './compare.ts';
import { fanOutOf, OURS_TO_FLOOR, rateOf } from './fan-out-of.ts';
import { climbLadder, highestFigures, highestRatio, pointsOf } from './ladder.ts';
import type { Load } from './load.ts';
import { steadyAudience } from './steady.ts';

const HIGHEST = 'highest load with p99 <= 100 ms';

/** Three times the steady load, then as much as a server can take. */
export const heavy: Load = async (extent) => {
  const audience = steadyAudience(extent);
  const settings = { audience, perSecond: rateOf(audience, 30), env: { TICKCAST_MARKET_DATA_MAX_RATE: '100' } };
  const cpu = { figure: 'CPU a delivery', ...OURS_TO_FLOOR };
  const result = await compare(extent, {
    name: 'heavy',
    about: `${audience.clients} clients x 10 of 50 symbols x 30/s, the cap raised`,
    servers: { tickcast: fanOutOf(extent, 'tickcast', settings), floor: fanOutOf(extent, 'floor', settings) },
    ratios: [cpu, { figure: 'p99', ...OURS_TO_FLOOR }],
    targets: [
      { what: 'CPU a delivery, ratio to the floor', ratio: cpu, atMost: 0.5 },
      { what: 'p99', server: 'tickcast', figure: 'p99', atMost: 100 },
    ],
  });
  if (extent.profileTo !== null) return { result };
  const rungs = await climbLadder(extent);
  return { result: withHighest(result, rungs), ladder: pointsOf(rungs) };
};

/** Adds what the ladder says: the highest load in time with nothing lost. */
function withHighest(result: LoadResult, rungs: readonly Rung[]): LoadResult {
  const servers = { ...result.servers };
  for (const [server, highest] of Object.entries(highestFigures(rungs))) {
    servers[server] = withFigure(servers[server] ?? { figures: {}, runs: [] }, highest);
  }
  const ratio = highestRatio(rungs);
  const target = { what: `${HIGHEST}, ratio to the floor`, atLeast: 2 };
  return {
    ...result,
    servers,
    ratios: { ...result.ratios, [HIGHEST]: ratio },
    targets: [...result.targets, judged(target, ratio.median, 'x')],
  };
}

function withFigure({ figures, runs }: ServerResult, highest: Figure): ServerResult {
  return { figures: { ...figures, [HIGHEST]: highest }, runs };
}
