import type { ServerKind } from '../types.ts';
import { compare } from './compare.ts';
import { fanOutOf, OURS_TO_FLOOR, rateOf } from './fan-out-of.ts';
import type { Load } from './load.ts';
import { steadyAudience } from './steady.ts';

const PEERS = ['ws', 'socket-io'] as const satisfies readonly ServerKind[];

/** The steady load on servers of other makes. */
export const peers: Load = async (extent) => {
  const audience = steadyAudience(extent);
  const settings = { audience, perSecond: rateOf(audience, 10) };
  const kinds = ['tickcast', 'floor', ...PEERS] as const;
  const result = await compare(extent, {
    name: 'peers',
    about: `the steady load: ${audience.clients} clients x 10 of 50 symbols x 10/s`,
    servers: Object.fromEntries(kinds.map((kind) => [kind, fanOutOf(extent, kind, settings)])),
    ratios: [
      { figure: 'CPU a delivery', ...OURS_TO_FLOOR },
      ...PEERS.map((to) => ({ figure: 'CPU a delivery', of: 'tickcast', to })),
    ],
    targets: [],
  });
  return { result };
};
