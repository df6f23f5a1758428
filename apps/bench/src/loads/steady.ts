import { type Audience, evenAudience, symbolTopics } from '../rig/audience.ts';
import { compare } from './compare.ts';
import { fanOutOf, OURS_TO_FLOOR, rateOf } from './fan-out-of.ts';
import { clientsFor, type Extent, type Load } from './load.ts';

/** No divisor of 50, so that the clients that take latencies have each symbol about as often as the others have. */
const SAMPLE_EVERY = 49;

/** 1000 clients x 10 of 50 symbols. */
export function steadyAudience(extent: Extent): Audience {
  return evenAudience(clientsFor(extent), symbolTopics(50), 10, extent.short ? 7 : SAMPLE_EVERY);
}

export const steady: Load = async (extent) => {
  const audience = steadyAudience(extent);
  const settings = { audience, perSecond: rateOf(audience, 10) };
  const cpu = { figure: 'CPU a delivery', ...OURS_TO_FLOOR };
  const result = await compare(extent, {
    name: 'steady',
    about: `${audience.clients} clients x 10 of 50 symbols x 10/s`,
    servers: { tickcast: fanOutOf(extent, 'tickcast', settings), floor: fanOutOf(extent, 'floor', settings) },
    ratios: [cpu, { figure: 'p99', ...OURS_TO_FLOOR }],
    targets: [
      { what: 'CPU a delivery, ratio to the floor', ratio: cpu, atMost: 0.45 },
      { what: 'p99', server: 'tickcast', figure: 'p99', atMost: 100 },
    ],
  });
  return { result };
};
