import { evenAudience, symbolTopics } from '../rig/audience.ts';
import { compare } from './compare.ts';
import { fanOutOf, OURS_TO_FLOOR } from './fan-out-of.ts';
import { clientsFor, type Load } from './load.ts';

/** One symbol that everybody has: what an event costs in time when nothing is in its way. */
export const quiet: Load = async (extent) => {
  const audience = evenAudience(clientsFor(extent), symbolTopics(1), 1, 10);
  const settings = { audience, perSecond: 10 };
  const p50 = { figure: 'p50', ...OURS_TO_FLOOR };
  const result = await compare(extent, {
    name: 'quiet',
    about: `10 events/s, ${audience.clients} subscribers of one symbol`,
    servers: { tickcast: fanOutOf(extent, 'tickcast', settings), floor: fanOutOf(extent, 'floor', settings) },
    ratios: [p50, { figure: 'p99', ...OURS_TO_FLOOR }],
    targets: [{ what: 'p50, ratio to the floor', ratio: p50, atMost: 1.2 }],
  });
  return { result };
};
