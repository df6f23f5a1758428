import { setTimeout as sleep } from 'node:timers/promises';
import type { Violation } from './accounting.ts';
import { World } from './world.ts';

export interface ChaosOptions {
  seed: number;
  seconds: number;
  clients: number;
  log?(line: string): void;
}

export interface ChaosReport {
  seed: number;
  violations: readonly Violation[];
  pushes: number;
  gaps: number;
  published: number;
  mostSeats: number;
  resumedSeats: number;
}

/** Runs the cluster and the faults, and answers what the checker found. */
export async function runChaos({ seed, seconds, clients, log = () => undefined }: ChaosOptions): Promise<ChaosReport> {
  const world = await World.start({ seed, clients, log });
  try {
    world.newcomers.resume();
    await sleep(seconds * 1000);
    await world.reconcile();
    const { violations, pushes, gaps, streams } = world.accounting;
    const published = [...streams.values()].reduce((sum, { sent }) => sum + sent, 0);
    const { most, resumed } = world.seating;
    return { seed, violations, pushes, gaps, published, mostSeats: most, resumedSeats: resumed };
  } finally {
    await world.close();
  }
}
