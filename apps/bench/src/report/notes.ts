import type { BenchResult, LadderPoint, LoadResult } from '../types.ts';

/** Late enough to make a latency of the quiet load look worse than it is. */
const LATE_MS = 10;
const LATE = `the publisher was over ${LATE_MS} ms late`;
const SATURATED =
  'clients, publisher and Redis had no time left: the server may do better, and its latency is partly theirs';

/** What makes a run hard to believe. */
interface Conditions {
  othersSaturated: boolean;
  latestPublishMs: number | null;
}

/** What a reader must know before believing a number: where it was measured, and what was wrong with which run. */
export function notesOf({ meta, loads, ladder }: BenchResult): string[] {
  const { date, node, cpu, cores, redis, pinned, repeats, seconds } = meta;
  const times =
    repeats === 1 ? 'measured once, which shows that it works and no more' : `median of ${repeats} (smallest-largest)`;
  return [
    `${times}, windows of ${seconds} s; ${date}, Node ${node}, Redis ${redis}, ${cores} cores of ${cpu}`,
    pinned
      ? `the server under test alone on one core, everything else on ${cores === 2 ? 'the other' : 'the others'}`
      : 'NOT PINNED: taskset is missing or there is one core, so the server shared its core with its clients; compare nothing',
    ...loads.flatMap(notesOfLoad),
    ...ladder.flatMap(notesOfPoint),
  ];
}

function notesOfLoad({ name, servers }: LoadResult): string[] {
  return Object.entries(servers).flatMap(([server, { runs }]) =>
    doubts(`${name}, ${server}, repeat`, runs, ({ repeat }) => repeat),
  );
}

function notesOfPoint({ server, rate, climbs }: LadderPoint): string[] {
  return doubts(`ladder, ${server} at ${rate}/s, climb`, climbs, ({ climb }) => climb);
}

function doubts<R extends Conditions>(where: string, runs: readonly R[], numberOf: (run: R) => number): string[] {
  const said = (which: R[], what: string) =>
    which.length === 0 ? [] : [`${where} ${which.map(numberOf).join(', ')}: ${what}`];
  return [
    ...said(
      runs.filter(({ othersSaturated }) => othersSaturated),
      SATURATED,
    ),
    ...said(
      runs.filter(({ latestPublishMs }) => latestPublishMs !== null && latestPublishMs > LATE_MS),
      LATE,
    ),
  ];
}
