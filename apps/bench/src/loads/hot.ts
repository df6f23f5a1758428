import { conditions } from '../rig/conditions.ts';
import { publishAll, requireAll, settle, warmUp } from '../rig/fan-out.ts';
import { Scene } from '../rig/scene.ts';
import type { Run, ServerKind } from '../types.ts';
import { compare } from './compare.ts';
import { OURS_TO_FLOOR, rateOf } from './fan-out-of.ts';
import type { Extent, Load } from './load.ts';
import { steadyAudience } from './steady.ts';

/** Of each symbol; ten times what the edge passes on. */
const PER_SECOND = 100;
/** The floor needs many times as long to deliver it all. */
const MOST_SECONDS = 5;

/** Sources faster than anybody wants to be told: the same events for both, each delivers what it does until it has done. */
export const hot: Load = async (extent) => {
  const audience = steadyAudience(extent);
  const cpu = { figure: 'CPU in all', ...OURS_TO_FLOOR };
  const result = await compare(extent, {
    name: 'hot',
    about: `${audience.clients} clients x 10 of 50 symbols, sources at ${PER_SECOND}/s a symbol, ours delivers 10/s`,
    servers: { tickcast: hotOf('tickcast', extent), floor: hotOf('floor', extent) },
    ratios: [cpu],
    targets: [{ what: 'CPU in all, ratio to the floor', ratio: cpu, atMost: 0.15 }],
  });
  return { result };
};

function hotOf(server: ServerKind, extent: Extent): (repeat: number) => Promise<Run> {
  const audience = steadyAudience(extent);
  const perSecond = rateOf(audience, PER_SECOND);
  const seconds = Math.min(MOST_SECONDS, extent.seconds);
  return (repeat) =>
    Scene.with({ server, profileTo: extent.profileTo }, async (scene) => {
      await scene.open(audience, await scene.tokens(audience.clients));
      const early = await warmUp(scene, audience, perSecond, extent.warmUpSeconds);
      const { value, spent, delivered, p99Ms } = await scene.measure(async () => {
        const published = await publishAll(scene, audience, perSecond, perSecond * seconds);
        return { ...published, tally: await settle(scene, audience, early + published.sent) };
      });
      const { sent, latestMs, tally } = value;
      if (extent.short) requireAll(server, tally);
      else if (tally.ended > 0) extent.say(`${server} lost ${tally.ended} connections: ${tally.firstEnd}`);
      const figures = { 'CPU in all': spent.servers, delivered, p99: p99Ms };
      return { repeat, ...conditions(spent, sent, latestMs), figures };
    });
}
