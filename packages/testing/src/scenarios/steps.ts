import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../eventually.ts';
import type { Driver } from './driver.ts';
import { type Step, type StepOf, fits } from './scenario.ts';
import type { World } from './world.ts';

type Acts = { [Verb in Step['do']]: (world: World, step: StepOf<Verb>) => void | Promise<unknown> };

/** Generous: a busy machine is slow, and only what never comes waits so long. */
const WITHIN_MS = 30_000;
/** These only wait. What they wait for may have come as soon as the steps before them had begun. */
const WAITS = new Set<Step['do']>(['wait', 'wait_attempt', 'settle', 'rest', 'expect_streams']);

const ACTS: Acts = {
  connect: (world) => world.connect(),
  subscribe: (world, step) => world.subscribe(step),
  handle: (world, step) => world.driver.tell({ ...step }),
  unsubscribe: (world, step) => world.driver.tell({ ...step }),
  close: (world) => world.driver.tell({ do: 'close' }),
  restart_client(world) {
    for (const subscription of world.subscriptions) subscription.isOver = true;
    world.driver.restart();
  },
  async expect_streams({ driver }, { streams }) {
    await eventually(
      async () => {
        const told = await streamsOf(driver);
        const fit = streams.every((wanted) => told.some((each) => fits(each, wanted)));
        if (!fit || told.length !== streams.length) throw new Error(`the streams are ${JSON.stringify(told)}`);
      },
      { withinMs: WITHIN_MS },
    );
  },

  publish: (world, step) => world.publishing.publish(step),
  keep_publishing: (world, { every_ms, ...stream }) => world.publishing.keepPublishing(stream, every_ms),
  stop_publishing: (world) => world.publishing.stopPublishing(),

  cut: ({ door }) => door.proxy.cut(),
  reset: ({ door }) => door.proxy.reset(),
  refuse: ({ door }) => door.proxy.refuse(),
  stall: ({ door }, { direction }) => door.proxy.stall(direction),
  swallow: ({ door }, { direction }) => door.proxy.swallow(direction),
  heal: ({ door }) => door.proxy.heal(),
  open_to: (world, { node }) => world.door.proxy.retarget(world.node(node).port),
  answer: ({ door }, { status, retry_after }) => door.answer(status, retry_after),
  inject: ({ door }, step) => door.inject(step),
  garble: ({ door }, { channel, count }) => door.garble(channel, count),

  kill_node: (world, { node }) => world.node(node).kill(),
  drain_node: (world, { node }) => world.node(node).signal('SIGTERM'),
  pause_node: (world, { node }) => world.node(node).pause(),
  resume_node: (world, { node }) => world.node(node).resume(),
  pause_redis: ({ cluster }) => cluster.redis.pause(),
  resume_redis: ({ cluster }) => cluster.redis.resume(),
  flush_redis: ({ publishing }) => publishing.flush(),
  forget_stream: ({ publishing }, { channel }) => publishing.forgetStream(channel),
  trim_log: ({ publishing }, { keep }) => publishing.trimLog(keep),

  hold_seat: (world) => world.invite(),
  release_seat: ({ guests }) => guests.at(-1)?.close(),
  take_over_seat: (world) => world.invite(world.seats.at(-1)),

  async wait(world, { report, sent }) {
    if (report) await world.wait('report', report, WITHIN_MS);
    if (sent) await world.wait('sent', sent, WITHIN_MS);
  },
  async wait_attempt(world, { at_least_ms = 0 }) {
    const since = world.stepBefore;
    const afterMs = (await world.waitForAttempt(WITHIN_MS)) - since;
    if (afterMs < at_least_ms) throw new Error(`the client came back after ${Math.round(afterMs)} ms`);
  },
  settle: (world) => world.settle(WITHIN_MS),
  rest: (_world, { ms }) => sleep(ms),
};

/** @throws with the number and the text of the step that could not be done */
export async function takeSteps(world: World): Promise<void> {
  let wasWait = true;
  let began = performance.now();
  for (const [index, step] of world.scenario.steps.entries()) {
    const isWait = WAITS.has(step.do);
    if (wasWait && !isWait) world.mark();
    wasWait = isWait;
    world.stepBefore = began;
    began = performance.now();
    try {
      await act(world, step);
    } catch (error) {
      throw new Error(`step ${index + 1}, ${JSON.stringify(step)}: ${(error as Error).message}`, { cause: error });
    }
  }
}

async function streamsOf(driver: Driver): Promise<unknown[]> {
  const had = driver.reports.length;
  driver.tell({ do: 'streams' });
  return eventually(() => {
    const report = driver.reports.slice(had).find((each) => each.report === 'streams');
    if (!report) throw new Error('the streams were not told');
    return report['streams'] as unknown[];
  });
}

function act<Verb extends Step['do']>(world: World, step: StepOf<Verb>): void | Promise<unknown> {
  return ACTS[step.do as Verb](world, step);
}
