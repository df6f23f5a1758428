import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../random.ts';
import type { Violation } from './accounting.ts';
import { type Step, drawStep, faultNamed, tellStep } from './script.ts';
import { World, type WorldOptions } from './world.ts';

/** What a run has seen so far. */
export interface ChaosReport {
  violations: readonly Violation[];
  published: number;
  /** Pushes and gaps that clients received. */
  pushes: number;
  gaps: number;
  /** The most seats that were taken or reserved at once. */
  mostSeats: number;
  /** Seats that clients came back to. */
  resumedSeats: number;
  /** How many connections of seated clients ended with each close code. */
  closes: ReadonlyMap<number, number>;
}

/** A cluster at full use that can be broken, step by step. */
export interface Chaos {
  /** Brings one fault about and mends it, then waits until all is accounted for. Answers what the checker found meanwhile. */
  suffer(fault: string): Promise<readonly Violation[]>;
  /** The same with faults drawn by the seed, one or several at once. */
  sufferAnything(): Promise<readonly Violation[]>;
  /** Waits once more until all is accounted for, for every client. Answers what the checker found meanwhile. */
  settle(): Promise<readonly Violation[]>;
  report(): ChaosReport;
  end(): Promise<void>;
}

/** What the cluster does when nothing is wrong comes first. */
const HEALTHY_MS = 3000;

/**
 * Starts Redis, three edges, clients and publishers.
 *
 * @throws when not all clients are seated and subscribed within 30 s
 */
export async function startChaos(options: WorldOptions): Promise<Chaos> {
  const random = seededRandom(options.seed);
  const world = await World.start(options);
  const { accounting } = world;

  const watched = async (what: string, action: () => Promise<void>): Promise<readonly Violation[]> => {
    const before = accounting.violations.length;
    const at = performance.now();
    accounting.during = what;
    options.log(what);
    await action();
    const found = accounting.violations.slice(before);
    const took = ((performance.now() - at) / 1000).toFixed(1);
    options.log(`   ${found.length === 0 ? 'ok' : `${found.length} VIOLATIONS`}, ${took} s`);
    return found;
  };
  const take = (step: Step) =>
    watched(tellStep(step), async () => {
      if (step.some(({ fault }) => fault.losesData)) accounting.keptEpoch = null;
      const stepSeed = random() * 2 ** 32;
      const running = step.map(async ({ fault, afterMs }, index) => {
        await sleep(afterMs);
        await fault.run({ world, random: seededRandom(stepSeed + index), alone: step.length === 1 });
      });
      await Promise.all(running);
      await world.reconcile();
      await world.trustRedis();
    });

  await watched('nothing', async () => {
    world.newcomers.resume();
    await sleep(HEALTHY_MS);
    await world.reconcile();
    await world.trustRedis();
  });
  return {
    suffer: (fault) => take([{ fault: faultNamed(fault), afterMs: 0 }]),
    sufferAnything: () => take(drawStep(random)),
    settle: () => watched('the end', () => world.reconcile({ last: true })),
    report() {
      const { violations, pushes, gaps, streams } = accounting;
      const published = [...streams.values()].reduce((sum, { sent }) => sum + sent, 0);
      const { most, resumed, closes } = world.seating;
      return { violations, published, pushes, gaps, mostSeats: most, resumedSeats: resumed, closes };
    },
    end: () => world.close(),
  };
}
