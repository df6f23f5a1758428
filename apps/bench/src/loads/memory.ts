import { evenAudience, symbolTopics } from '../rig/audience.ts';
import { conditions } from '../rig/conditions.ts';
import { askBySignal } from '../rig/ask-by-signal.ts';
import { residentKiB } from '../rig/process-figures.ts';
import { Scene } from '../rig/scene.ts';
import type { Run, ServerKind } from '../types.ts';
import { compare } from './compare.ts';
import type { Extent, Load } from './load.ts';

/** Connections at which memory is read, and how many are opened at once: a stampede is another measurement. */
const FULL = { low: 2000, high: 10_000, step: 1000 };
const SHORT = { low: 50, high: 200, step: 50 };

/** A cap far above, and nobody is closed for being idle while the memory is read. */
const ROOMY = {
  TICKCAST_MAX_CONNECTIONS: '20000',
  TICKCAST_MAX_PENDING: '20000',
  TICKCAST_IDLE_TIMEOUT_SECONDS: '600',
};
const COLLECTOR = { NODE_OPTIONS: `--import ${new URL('../rig/collect-garbage.js', import.meta.url)}` };

/** The slope of resident memory over connections, so that what a server takes by itself doesn't count. */
export const memory: Load = async (extent) => {
  const { low, high } = extent.short ? SHORT : FULL;
  const result = await compare(extent, {
    name: 'memory',
    about: `resident memory a connection with 10 subscriptions, slope from ${low} to ${high} connections, garbage collected`,
    servers: { tickcast: slopeOf('tickcast', extent), floor: slopeOf('floor', extent) },
    ratios: [],
    targets: [{ what: 'memory a connection', server: 'tickcast', figure: 'memory a connection', atMost: 6 }],
  });
  return { result };
};

function slopeOf(server: ServerKind, extent: Extent): (repeat: number) => Promise<Run> {
  const { low, high, step } = extent.short ? SHORT : FULL;
  const audience = evenAudience(high, symbolTopics(50), 10, Infinity);
  return (repeat) =>
    Scene.with({ server, env: { ...ROOMY, ...COLLECTOR } }, async (scene) => {
      const { spent, value } = await scene.measure(async () => {
        let atLow = 0;
        for (let open = step; open <= high; open += step) {
          await scene.open(audience, await scene.tokens(step));
          if (open === low) atLow = await residentAfterCollection(scene);
        }
        return ((await residentAfterCollection(scene)) - atLow) / (high - low);
      });
      return { repeat, ...conditions(spent, 0, null), figures: { 'memory a connection': value } };
    });
}

async function residentAfterCollection({ servers: [server] }: Scene): Promise<number> {
  if (!server) throw new Error('there is no server to measure');
  await askBySignal(server, '{"collected":true}');
  return residentKiB(server.pid);
}
