import { type Audience, evenAudience, symbolTopics } from '../rig/audience.ts';
import { measureSubscribing } from '../rig/subscribe-probe.ts';
import { compare } from './compare.ts';
import { fanOutOf, OURS_TO_FLOOR, rateOf } from './fan-out-of.ts';
import { clientsFor, type Extent, type Load } from './load.ts';
import type { ServerKind } from '../types.ts';

/** A seat, and subscriptions, for the client that measures subscribing. */
const ROOM_FOR_ONE_MORE = { TICKCAST_MAX_CONNECTIONS: '1100', TICKCAST_MAX_SUBSCRIPTIONS: '5000' };

/** Many streams, each with few subscribers: hardly two frames for one client come in the same moment. */
export const streams: Load = async (extent) => {
  const audience = evenAudience(clientsFor(extent), symbolTopics(extent.short ? 500 : 5000), 50, extent.short ? 7 : 49);
  const cpu = { figure: 'CPU a delivery', ...OURS_TO_FLOOR };
  const result = await compare(extent, {
    name: 'streams',
    about: `${audience.topics.length} streams x 1/s, ${audience.clients} clients x 50 of them`,
    servers: { tickcast: streamsOf('tickcast', extent, audience), floor: streamsOf('floor', extent, audience) },
    ratios: [cpu, { figure: 'p99', ...OURS_TO_FLOOR }],
    targets: [
      { what: 'CPU a delivery, ratio to the floor', ratio: cpu, atMost: 0.6 },
      { what: 'subscribe p99', server: 'tickcast', figure: 'subscribe p99', atMost: 20 },
    ],
  });
  return { result };
};

function streamsOf(server: ServerKind, extent: Extent, audience: Audience) {
  return fanOutOf(extent, server, {
    audience,
    perSecond: rateOf(audience, 1),
    env: ROOM_FOR_ONE_MORE,
    meanwhile: async (scene, until) => ({
      'subscribe p99': await measureSubscribing(scene.servers[0]?.port ?? 0, audience.topics, until),
    }),
  });
}
