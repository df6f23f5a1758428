import { figureOf, ratioOf } from '../statistics.ts';
import type { Figure, LoadResult, Run, ServerResult, TargetResult } from '../types.ts';
import type { Extent } from './load.ts';

/** What a figure is counted in. */
const UNITS: Record<string, string> = {
  deliveries: '/s',
  'CPU a delivery': 'µs',
  'CPU in all': 's',
  bytes: 'MB/s',
  'CPU a client': 'ms',
  'Redis CPU an event': 'µs',
  'memory a connection': 'KiB',
  p50: 'ms',
  p99: 'ms',
  'subscribe p99': 'ms',
  'all ready after': 's',
};

/** `of` divided by `to`, both measured in the same repeat. */
export interface Ratio {
  figure: string;
  of: string;
  to: string;
}

/** What must be reached: of a ratio, or of a server's own figure. Decided on the median. */
export type Target = { what: string; atMost?: number; atLeast?: number } & (
  { ratio: Ratio } | { server: string; figure: string }
);

export interface Comparison {
  name: string;
  about: string;
  /** By name; measured in turn within each repeat, so that what the machine does meanwhile meets all of them. */
  servers: Record<string, (repeat: number) => Promise<Run>>;
  ratios: readonly Ratio[];
  targets: readonly Target[];
}

/** Runs every server in each repeat and sums up. */
export async function compare(extent: Extent, comparison: Comparison): Promise<LoadResult> {
  const { name, about, ratios, targets } = comparison;
  if (extent.profileTo !== null) return profiled(extent, comparison);
  const runs: Record<string, Run[]> = {};
  for (let repeat = 1; repeat <= extent.repeats; repeat += 1) {
    for (const [server, measure] of Object.entries(comparison.servers)) {
      const run = await measure(repeat);
      (runs[server] ??= []).push(run);
      extent.say(`${name} ${repeat}/${extent.repeats} ${server}: ${inWords(run)}`);
    }
  }
  const servers = Object.fromEntries(Object.entries(runs).map(([server, of]) => [server, summary(of)]));
  return {
    name,
    about,
    servers,
    ratios: Object.fromEntries(ratios.map((ratio) => [nameOf(ratio), ratioIn(runs, ratio)])),
    targets: targets.map((target) => judge(target, runs, servers)),
  };
}

/** Our edge alone: what it takes with the profiler at work is held against nothing. */
async function profiled(extent: Extent, { name, about, servers }: Comparison): Promise<LoadResult> {
  const [ours, measure] = Object.entries(servers).find(([server]) => server.startsWith('tickcast')) ?? [];
  if (!ours || !measure) throw new Error(`the load ${name} does not run our edge: there is nothing to profile`);
  const run = await measure(1);
  extent.say(`${name} ${ours}, profiled: ${inWords(run)}`);
  return { name, about, servers: { [ours]: summary([run]) }, ratios: {}, targets: [] };
}

function nameOf({ figure, of, to }: Ratio): string {
  return of === 'tickcast' && to === 'floor' ? figure : `${figure}, ${of} to ${to}`;
}

function valuesOf(runs: readonly Run[], figure: string): number[] {
  return runs.map(({ figures }) => figures[figure] ?? Number.NaN);
}

function ratioIn(runs: Record<string, Run[]>, { figure, of, to }: Ratio): Figure {
  return ratioOf(valuesOf(runs[of] ?? [], figure), valuesOf(runs[to] ?? [], figure));
}

function summary(runs: Run[]): ServerResult {
  const names = Object.keys(runs[0]?.figures ?? {});
  const figures = names.map((name) => [name, figureOf(valuesOf(runs, name), UNITS[name] ?? '')] as const);
  return { figures: Object.fromEntries(figures), runs };
}

function judge(target: Target, runs: Record<string, Run[]>, servers: Record<string, ServerResult>): TargetResult {
  const isRatio = 'ratio' in target;
  const figure = isRatio ? ratioIn(runs, target.ratio) : servers[target.server]?.figures[target.figure];
  return judged(target, figure?.median ?? null, isRatio ? 'x' : (figure?.unit ?? ''));
}

/** Holds a value against its bound. @param unit `x` stands next to its number */
export function judged(
  { what, atMost, atLeast }: Pick<Target, 'what' | 'atMost' | 'atLeast'>,
  got: number | null,
  unit: string,
): TargetResult {
  const bound = atMost ?? atLeast;
  const wanted = `${atMost === undefined ? '>=' : '<='} ${bound}${unit === 'x' ? '' : ' '}${unit}`;
  const measured = got !== null && Number.isFinite(got);
  return {
    what,
    wanted,
    got: measured ? got : null,
    reached: measured && got <= (atMost ?? Infinity) && got >= (atLeast ?? -Infinity),
  };
}

function inWords(run: Run): string {
  const { figures, serverCpuPercent, generatorCpuPercent, redisCpuPercent, publisherCpuPercent, latestPublishMs } = run;
  const parts = Object.entries(figures).map(([name, value]) => `${name} ${value.toPrecision(3)} ${UNITS[name] ?? ''}`);
  return [
    ...parts,
    `server ${serverCpuPercent.toFixed(0)} %`,
    `generator ${generatorCpuPercent.toFixed(0)} %`,
    `Redis ${redisCpuPercent.toFixed(0)} %`,
    `publisher ${publisherCpuPercent.toFixed(0)} %`,
    ...(latestPublishMs === null ? [] : [`publisher late by ${latestPublishMs.toFixed(1)} ms at most`]),
  ].join(', ');
}
