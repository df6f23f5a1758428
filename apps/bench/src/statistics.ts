import type { Figure } from './types.ts';

/** @throws RangeError when there are no values: a figure without a run is a mistake of the load */
export function figureOf(values: readonly number[], unit: string): Figure {
  if (values.length === 0) throw new RangeError('a figure needs at least one value');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
    unit,
  };
}

/** Of `ours` to `theirs`, pair by pair: both of a pair were measured in the same repeat, minutes apart at most. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Figure {
  if (ours.length !== theirs.length) {
    throw new RangeError(`ratios need pairs: there are ${ours.length} values and ${theirs.length}`);
  }
  return figureOf(
    ours.map((value, i) => value / (theirs[i] ?? Number.NaN)),
    'x',
  );
}

/** Those of one key together, in the order they are in. */
export function groupedBy<T, K>(items: readonly T[], keyOf: (item: T) => K): T[][] {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
}
