import { CLIENT_FAULTS } from './client-faults.ts';
import { EDGE_FAULTS } from './edge-faults.ts';
import type { Fault } from './fault.ts';
import { PUBSUB_FAULTS } from './pubsub-faults.ts';
import { REDIS_FAULTS } from './redis-faults.ts';

export const FAULTS: readonly Fault[] = [...REDIS_FAULTS, ...PUBSUB_FAULTS, ...EDGE_FAULTS, ...CLIENT_FAULTS];

/** Faults that go on at once, each beginning some milliseconds after the step does. */
export type Step = ReadonlyArray<{ fault: Fault; afterMs: number }>;

const SPREAD_MS = 4000;

/** Draws what breaks next: one thing, or two or three different ones. */
export function drawStep(random: () => number): Step {
  const wanted = 1 + Math.floor(random() * 3);
  const step: Array<{ fault: Fault; afterMs: number }> = [];
  while (step.length < wanted) {
    const fault = FAULTS[Math.floor(random() * FAULTS.length)];
    if (!fault || step.some((drawn) => drawn.fault.part === fault.part)) continue;
    step.push({ fault, afterMs: step.length === 0 ? 0 : Math.floor(random() * SPREAD_MS) });
  }
  return step;
}

/** @throws RangeError for a name that no fault has */
export function faultNamed(name: string): Fault {
  const fault = FAULTS.find((each) => each.name === name);
  if (!fault)
    throw new RangeError(`there is no fault "${name}"; there are ${FAULTS.map((each) => each.name).join(', ')}`);
  return fault;
}

export function tellStep(step: Step): string {
  return step
    .map(({ fault, afterMs }) => (afterMs === 0 ? fault.name : `${fault.name} after ${afterMs} ms`))
    .join(' + ');
}
