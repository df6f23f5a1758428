import { setTimeout as sleep } from 'node:timers/promises';
import type { Run, ServerKind } from '../types.ts';
import type { Audience, Tally } from './audience.ts';
import { conditions } from './conditions.ts';
import { Scene, type SceneOptions } from './scene.ts';

const MICROS = 1e6;
const LOOK_EVERY_MS = 200;
/** Without one more event this long, what has not come won't. */
const QUIET_MS = 1000;

export interface FanOut extends SceneOptions {
  audience: Audience;
  /** Of all topics together. */
  perSecond: number;
  repeat: number;
  warmUpSeconds: number;
  seconds: number;
  /** What else to measure while the load runs; its figures are added. */
  meanwhile?: (scene: Scene, until: Promise<unknown>) => Promise<Record<string, number>>;
}

/** One run, and whether all came in the end. */
export interface FanOutRun {
  run: Run;
  tally: Tally;
}

/** Publishes at an even rate, measures a window, then waits for what is still under way and counts. */
export function runFanOut(options: FanOut): Promise<FanOutRun> {
  const { audience, perSecond, warmUpSeconds, seconds, meanwhile } = options;
  return Scene.with(options, async (scene) => {
    await scene.open(audience, await scene.tokens(audience.clients));
    await scene.publish(audience.topics, perSecond);
    await sleep(warmUpSeconds * 1000);

    const { value, spent, delivered, p50Ms, p99Ms } = await scene.measure(async () => {
      const before = await scene.publisher.call('mark');
      const over = sleep(seconds * 1000);
      const more = meanwhile ? await meanwhile(scene, over) : {};
      await over;
      const after = await scene.publisher.call('mark');
      return { more, published: after.sent - before.sent, latestMs: after.latestMs };
    });

    const { sent } = await scene.publisher.call('stop');
    const tally = await settle(scene, audience, sent);
    const { more, published, latestMs } = value;
    const figures = {
      deliveries: delivered / spent.seconds,
      'CPU a delivery': (spent.servers / delivered) * MICROS,
      p50: p50Ms,
      p99: p99Ms,
      'Redis CPU an event': (spent.redis / published) * MICROS,
      ...more,
    };
    return { tally, run: { repeat: options.repeat, ...conditions(spent, published, latestMs), figures } };
  });
}

/**
 * Publishes for a while and waits until all has come: the engine compiles what a server does often, once in its life.
 * @param perSecond of all topics together
 * @returns how many were published, for the tally of what follows
 */
export async function warmUp(scene: Scene, audience: Audience, perSecond: number, seconds: number): Promise<number> {
  const rounds = Math.ceil((perSecond * seconds) / audience.topics.length);
  const { sent } = await publishAll(scene, audience, perSecond, rounds * audience.topics.length);
  await settle(scene, audience, sent);
  return sent;
}

/** Publishes so many, and waits until Redis has them all. */
export async function publishAll(
  scene: Scene,
  { topics }: Audience,
  perSecond: number,
  total: number,
): Promise<{ sent: number; latestMs: number }> {
  await scene.publish(topics, perSecond, total);
  // Each mark tells of the time since the one before it.
  for (let latestMs = 0; ; await sleep(LOOK_EVERY_MS)) {
    const mark = await scene.publisher.call('mark');
    latestMs = Math.max(latestMs, mark.latestMs);
    if (!mark.done) continue;
    const { sent } = await scene.publisher.call('stop');
    return { sent, latestMs };
  }
}

/** Waits until all have come, or nothing more comes, or `withinMs` have passed. */
export async function settle(scene: Scene, audience: Audience, published: number, withinMs = 60_000): Promise<Tally> {
  const until = performance.now() + withinMs;
  let last = await scene.tally(audience, published);
  let grewAt = performance.now();
  while (last.delivered < last.expected && performance.now() < until) {
    await sleep(LOOK_EVERY_MS);
    const next = await scene.tally(audience, published);
    const still = next.delivered === last.delivered;
    last = next;
    if (!still) grewAt = performance.now();
    // Where events were merged fewer come than were published, and all of them are accounted for.
    else if (next.unaccounted === 0 || performance.now() - grewAt > QUIET_MS) break;
  }
  return last;
}

/** @throws when events are missing or connections ended: then the figures are of a server that broke */
export function requireAll(server: ServerKind, { delivered, unaccounted, ended, firstEnd }: Tally): void {
  if (ended > 0) throw new Error(`${ended} clients of ${server} lost their connection; the first: ${firstEnd}`);
  if (delivered === 0) throw new Error(`${server} delivered nothing`);
  if (unaccounted > 0) throw new Error(`${unaccounted} events of ${server} neither came nor were said to be merged`);
}
