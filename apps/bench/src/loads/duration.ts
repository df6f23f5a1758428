import type { BenchConfig, LoadName } from '../config.ts';

/**
 * So long each server works before it is measured: the engine compiles what is done often, once in the life of a process, and
 * 500 events a second take it that long.
 */
export const WARM_UP_SECONDS = 8;

/** Servers in a repeat, and s that each of them takes beside warm-up and window; roughly, on a machine of two cores. */
const COSTS: Record<LoadName, { servers: number; warmsUp: boolean; hasWindow: boolean; seconds: number }> = {
  quiet: { servers: 2, warmsUp: true, hasWindow: true, seconds: 3 },
  steady: { servers: 2, warmsUp: true, hasWindow: true, seconds: 4 },
  heavy: { servers: 2, warmsUp: true, hasWindow: true, seconds: 4 },
  // The floor is a long time at delivering all.
  hot: { servers: 2, warmsUp: true, hasWindow: false, seconds: 28 },
  burst: { servers: 2, warmsUp: true, hasWindow: false, seconds: 6 },
  connect: { servers: 2, warmsUp: false, hasWindow: false, seconds: 9 },
  memory: { servers: 2, warmsUp: false, hasWindow: false, seconds: 30 },
  streams: { servers: 2, warmsUp: true, hasWindow: true, seconds: 8 },
  edges: { servers: 3, warmsUp: true, hasWindow: true, seconds: 5 },
  peers: { servers: 4, warmsUp: true, hasWindow: true, seconds: 5 },
};
/** Rungs that a server comes to: ours, the floor; ws and Socket.IO together, which climb once. */
const RUNGS = { compared: 20, beside: 4, seconds: 4 };
/** With few clients. */
const SHORT = { seconds: 2, rungs: 8 };

/** About how long a benchmark will take, in seconds. */
export function expectedSeconds({ loads, short, profile, repeats, seconds }: BenchConfig): number {
  return loads.reduce((sum, load) => {
    const { servers, warmsUp, hasWindow, seconds: beside } = COSTS[load];
    const whole = (warmsUp ? WARM_UP_SECONDS : 0) + (hasWindow ? seconds : 0) + beside;
    const run = short ? seconds + SHORT.seconds : whole;
    if (profile) return sum + run;
    const rungs = load !== 'heavy' ? 0 : short ? SHORT.rungs : RUNGS.compared * repeats + RUNGS.beside;
    const rung = Math.ceil(seconds / 2) + (short ? SHORT.seconds : WARM_UP_SECONDS + RUNGS.seconds);
    return sum + servers * repeats * run + rungs * rung;
  }, 0);
}
