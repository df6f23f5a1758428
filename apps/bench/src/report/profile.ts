import type { Profiler } from 'node:inspector/promises';
import type { FunctionShare, LoadResult } from '../types.ts';
import type { Row } from './rows.ts';

const MOST = 20;
const PERCENT = 100;
const IDLE = '(idle)';

/**
 * The functions that were seen at work most often, the most first. Samples are counted: the times between them, which the profile
 * has as well, now and then are those of another thread's clock.
 */
export function functionShares({ nodes, samples = [] }: Profiler.Profile): FunctionShare[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const counts = new Map<string, number>();
  for (const id of samples) {
    const name = names.get(id) ?? IDLE;
    if (name !== IDLE) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const busy = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MOST)
    .map(([name, count]) => ({ function: name, share: count / busy }));
}

/** A line a function; none for a load that was not profiled. */
export function profileLines(load: LoadResult): string[] {
  const lines = profileRows(load).map(([name, share = '']) => `${share.padStart(7)}  ${name}`);
  return lines.length === 0 ? [] : [`${load.name}, where the edge was when it was not idle:`, ...lines, ''];
}

/** Its name, and the share in words. */
export function profileRows({ profile = [] }: LoadResult): Row[] {
  return profile.map((each) => [each.function, `${(each.share * PERCENT).toFixed(1)} %`]);
}

/** `#read pubsub-reader.js:40`; what the engine does itself has no file. */
function nameOf({ functionName, url, lineNumber }: Profiler.Profile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  return `${name} ${url.replace(/^.*\/(?=(?:node_modules|apps|packages)\/)/, '')}:${lineNumber + 1}`;
}
