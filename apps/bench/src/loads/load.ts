import type { LadderPoint, LoadResult } from '../types.ts';

/** How much of a load is run: all of it, or just enough to see that it works. */
export interface Extent {
  short: boolean;
  repeats: number;
  seconds: number;
  warmUpSeconds: number;
  /** File for a CPU profile of our edge, which is then run alone and once; null for none. */
  profileTo: string | null;
  /** Tells whoever waits what is going on. */
  say(line: string): void;
}

export interface LoadOutcome {
  result: LoadResult;
  ladder?: LadderPoint[];
}

/** One row of the benchmark. */
export type Load = (extent: Extent) => Promise<LoadOutcome>;

/** Fewer clients where the run is only to show that it works. */
export function clientsFor({ short }: Extent, full = 1000): number {
  return short ? 50 : full;
}
