import { setTimeout as sleep } from 'node:timers/promises';
import { evenAudience, symbolTopics } from '../rig/audience.ts';
import { conditions } from '../rig/conditions.ts';
import { Scene } from '../rig/scene.ts';
import type { Run, ServerKind } from '../types.ts';
import { compare } from './compare.ts';
import { clientsFor, type Extent, type Load } from './load.ts';

const MS = 1000;

/** All clients at once, against a server that accepts them, checks the same token and no more. */
export const connecting: Load = async (extent) => {
  const cpu = { figure: 'CPU a client', of: 'tickcast', to: 'bare' };
  const result = await compare(extent, {
    name: 'connect',
    about: `${clientsFor(extent)} clients at once; ours: token, seat, 10 subscriptions each; bare: token`,
    servers: { tickcast: connectTo('tickcast', extent), bare: connectTo('bare', extent) },
    ratios: [cpu],
    targets: [{ what: 'CPU a client, ratio to the bare engine', ratio: cpu, atMost: 2 }],
  });
  return { result };
};

/** What the first of them left to do is done. */
const QUIET_MS = 1000;

function connectTo(server: ServerKind, extent: Extent): (repeat: number) => Promise<Run> {
  const audience = evenAudience(clientsFor(extent), symbolTopics(50), 10, Infinity);
  // Of a thousand alone the system's clock of CPU time, in steps of 10 ms, tells too little.
  const waves = extent.short ? 1 : 4;
  const early = audience.clients * 2;
  const env = { TICKCAST_MAX_CONNECTIONS: String(early + waves * audience.clients) };
  return (repeat) =>
    Scene.with({ server, env, profileTo: extent.profileTo }, async (scene) => {
      // The first of them make the engine compile: a node is started once and connected to all day.
      await scene.open(audience, await scene.tokens(early));
      await sleep(QUIET_MS);
      const tokens = await scene.tokens(audience.clients * waves);
      const { spent } = await scene.measure(async () => {
        for (let wave = 0; wave < waves; wave += 1) {
          await scene.open(audience, tokens.slice(wave * audience.clients, (wave + 1) * audience.clients));
        }
      });
      const figures = {
        'CPU a client': (spent.servers / tokens.length) * MS,
        'all ready after': spent.seconds / waves,
      };
      return { repeat, ...conditions(spent, 0, null), figures };
    });
}
