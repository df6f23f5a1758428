import type { Figure, LoadResult } from '../types.ts';
import { inDigits, inWords } from './numbers.ts';

/** The edge, and what it is measured by. */
const OURS = 'tickcast';
const FLOOR = 'floor';

const COLUMNS = ['load', 'figure', 'ours', 'floor', 'other', 'ratio', 'target', 'reached'] as const;

export const HEADINGS: Row = COLUMNS;

/** A line of the table, a cell a heading. */
export type Row = readonly string[];

/** The figures of a load, a row each; below them those of servers that are neither ours nor the floor, and what was to be reached. */
export function rowsOf(load: LoadResult): Row[] {
  const rows = [...comparedRows(load), ...otherServersRows(load), ...otherRatiosRows(load), ...targetRows(load)];
  return rows.map((cells, index) => rowWith(index === 0 ? { load: load.name, ...cells } : cells));
}

type Cells = Partial<Record<(typeof COLUMNS)[number], string>>;

function rowWith(cells: Cells): Row {
  return COLUMNS.map((column) => cells[column] ?? '');
}

function comparedRows({ servers, ratios }: LoadResult): Cells[] {
  const [ours, floor] = [servers[OURS]?.figures ?? {}, servers[FLOOR]?.figures ?? {}];
  const names = new Set([...Object.keys(ours), ...Object.keys(floor)]);
  return [...names].map((name) => ({
    figure: name,
    ours: wordsOf(ours[name]),
    floor: wordsOf(floor[name]),
    ratio: wordsOf(ratios[name]),
  }));
}

function otherServersRows({ servers }: LoadResult): Cells[] {
  return Object.entries(servers)
    .filter(([server]) => server !== OURS && server !== FLOOR)
    .flatMap(([server, { figures }]) =>
      Object.entries(figures).map(([name, figure]) => ({ figure: `${server}: ${name}`, other: inWords(figure) })),
    );
}

/** Of pairs other than ours and the floor: their names say which. */
function otherRatiosRows({ servers, ratios }: LoadResult): Cells[] {
  const shown = { ...servers[OURS]?.figures, ...servers[FLOOR]?.figures };
  return Object.entries(ratios)
    .filter(([name]) => !(name in shown))
    .map(([name, ratio]) => ({ figure: name, ratio: inWords(ratio) }));
}

function targetRows({ targets }: LoadResult): Cells[] {
  return targets.map(({ what, wanted, got, reached }) => ({
    figure: `target: ${what}`,
    ours: got === null ? 'not measured' : inDigits(got),
    target: wanted,
    reached: reached ? 'yes' : 'falls short',
  }));
}

function wordsOf(figure: Figure | undefined): string {
  return figure === undefined ? '' : inWords(figure);
}
