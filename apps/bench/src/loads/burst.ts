import { setTimeout as sleep } from 'node:timers/promises';
import { evenAudience } from '../rig/audience.ts';
import { conditions } from '../rig/conditions.ts';
import { requireAll, settle, warmUp } from '../rig/fan-out.ts';
import { Scene } from '../rig/scene.ts';
import type { Run, ServerKind } from '../types.ts';
import { compare } from './compare.ts';
import { OURS_TO_FLOOR } from './fan-out-of.ts';
import { clientsFor, type Extent, type Load } from './load.ts';

const ALERTS = 1000;
/** Before the burst. */
const EARLY_PER_SECOND = 100;
const SAMPLE_EVERY = 49;
const LOOK_EVERY_MS = 50;
const GIVE_UP_MS = 60_000;
const MICROS = 1e6;
const MEGA = 1e6;

/** Alerts, which may not be merged, all at once. */
export const burst: Load = async (extent) => {
  const clients = clientsFor(extent);
  const deliveries = { figure: 'deliveries', ...OURS_TO_FLOOR };
  const result = await compare(extent, {
    name: 'burst',
    about: `${ALERTS} alerts to ${clients} clients, as fast as they go`,
    servers: { tickcast: burstOf('tickcast', extent), floor: burstOf('floor', extent) },
    ratios: [deliveries, { figure: 'bytes', ...OURS_TO_FLOOR }, { figure: 'CPU a delivery', ...OURS_TO_FLOOR }],
    targets: [{ what: 'deliveries/s, ratio to the floor', ratio: deliveries, atLeast: 0.9 }],
  });
  return { result };
};

function burstOf(server: ServerKind, extent: Extent): (repeat: number) => Promise<Run> {
  const audience = evenAudience(clientsFor(extent), ['alerts'], 1, SAMPLE_EVERY);
  return (repeat) =>
    Scene.with({ server, profileTo: extent.profileTo }, async (scene) => {
      await scene.open(audience, await scene.tokens(audience.clients));
      const early = await warmUp(scene, audience, EARLY_PER_SECOND, extent.warmUpSeconds);
      const { spent, delivered, bytes, lastEventAt, p50Ms, p99Ms } = await scene.measure(async () => {
        await scene.publish(audience.topics, Infinity, ALERTS);
        await untilDelivered(scene, audience.clients * (early + ALERTS));
      });
      const { sent, firstAt } = await scene.publisher.call('stop');
      requireAll(server, await settle(scene, audience, early + sent));
      const seconds = lastEventAt - firstAt;
      const figures = {
        deliveries: delivered / seconds,
        bytes: bytes / seconds / MEGA,
        'CPU a delivery': (spent.servers / delivered) * MICROS,
        p50: p50Ms,
        p99: p99Ms,
      };
      return { repeat, ...conditions(spent, sent, null), figures };
    });
}

/** Looks seldom: each look costs the generator a moment. */
async function untilDelivered(scene: Scene, wanted: number): Promise<void> {
  const until = performance.now() + GIVE_UP_MS;
  while ((await scene.generator.call('progress')) < wanted && performance.now() < until) await sleep(LOOK_EVERY_MS);
}
