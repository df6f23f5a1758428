import type { BenchResult } from '../types.ts';
import { LADDER_HEADINGS, ladderRowsOf } from './ladder-rows.ts';
import { notesOf } from './notes.ts';
import { profileLines, profileRows } from './profile.ts';
import { HEADINGS, type Row, rowsOf } from './rows.ts';

/** The whole result for a terminal, in columns. */
export function renderTable(result: BenchResult): string {
  const loads = columns(
    HEADINGS,
    result.loads.map((load) => rowsOf(load)),
  );
  const ladder = result.ladder.length === 0 ? [] : columns(LADDER_HEADINGS, [ladderRowsOf(result.ladder)]);
  return [...loads, ...ladder, ...result.loads.flatMap(profileLines), ...notesOf(result), ''].join('\n');
}

/** The same as Markdown. */
export function renderMarkdown(result: BenchResult): string {
  const rows = result.loads.flatMap((load) => rowsOf(load));
  const abouts = result.loads.map(({ name, about }) => `- **${name}**: ${about}`);
  const ladder = result.ladder.length === 0 ? [] : pipes(LADDER_HEADINGS, ladderRowsOf(result.ladder));
  const notes = notesOf(result).map((note) => `- ${note}`);
  const profiles = result.loads
    .filter(({ profile }) => profile)
    .flatMap((load) => pipes([`${load.name}: function`, 'share'], profileRows(load)));
  return [...pipes(HEADINGS, rows), ...abouts, '', ...ladder, ...profiles, ...notes, ''].join('\n');
}

/** As wide as their widest cell, a rule above each group. */
function columns(headings: Row, groups: readonly Row[][]): string[] {
  const rows = [headings, ...groups.flat()];
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: Row) =>
    widths
      .map((width, column) => (row[column] ?? '').padEnd(width))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(headings), ...groups.flatMap((group) => [rule, ...group.map(line)]), ''];
}

function pipes(headings: Row, rows: readonly Row[]): string[] {
  const line = (row: Row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line), ''];
}
