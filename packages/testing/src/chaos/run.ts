import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../random.ts';
import type { Violation } from './accounting.ts';
import { type Step, drawStep, faultNamed, tellStep } from './script.ts';
import { World } from './world.ts';

export interface ChaosOptions {
  /** Of the script and all that it draws. */
  seed: number;
  /** New faults begin for this long; the run ends when the last has been mended. */
  seconds?: number;
  /** These, one after the other, in place of random ones. */
  faults?: readonly string[];
  /** Which is also the cap. */
  clients: number;
  log?(line: string): void;
}

export interface ChaosReport {
  seed: number;
  violations: readonly Violation[];
  /** What was done, a line a step. */
  script: readonly string[];
  published: number;
  pushes: number;
  gaps: number;
  mostSeats: number;
  resumedSeats: number;
}

/** What the cluster does when nothing is wrong comes first. */
const HEALTHY_MS = 3000;

/** Runs a cluster, breaks and mends it, and answers what the checker found. */
export async function runChaos({
  seed,
  seconds = 0,
  faults,
  clients,
  log = () => undefined,
}: ChaosOptions): Promise<ChaosReport> {
  const random = seededRandom(seed);
  const world = await World.start({ seed, clients, log });
  const script: string[] = [];
  try {
    world.newcomers.resume();
    await sleep(HEALTHY_MS);
    await world.reconcile();
    const until = performance.now() + seconds * 1000;
    for (const step of faults ? inTurn(faults) : drawn(random, () => performance.now() < until)) {
      const before = world.accounting.violations.length;
      const at = performance.now();
      script.push(tellStep(step));
      world.accounting.during = tellStep(step);
      log(`${script.length}. ${tellStep(step)}`);
      const stepSeed = random() * 2 ** 32;
      await Promise.all(
        step.map(async ({ fault, afterMs }, index) => {
          await sleep(afterMs);
          await fault.run({ world, random: seededRandom(stepSeed + index), alone: step.length === 1 });
        }),
      );
      await world.reconcile();
      const found = world.accounting.violations.length - before;
      log(`   ${found === 0 ? 'ok' : `${found} VIOLATIONS`}, ${((performance.now() - at) / 1000).toFixed(1)} s`);
    }
    const { violations, pushes, gaps, streams } = world.accounting;
    const published = [...streams.values()].reduce((sum, { sent }) => sum + sent, 0);
    const { most, resumed } = world.seating;
    return { seed, violations, script, published, pushes, gaps, mostSeats: most, resumedSeats: resumed };
  } finally {
    await world.close();
  }
}

function inTurn(names: readonly string[]): Step[] {
  return names.map((name) => [{ fault: faultNamed(name), afterMs: 0 }]);
}

function* drawn(random: () => number, goOn: () => boolean): Generator<Step> {
  while (goOn()) yield drawStep(random);
}
