import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchResult } from '../types.ts';
import { renderChart } from './chart.ts';
import { renderMarkdown } from './table.ts';

/** Writes `results.json`, `results.md` and, where a ladder was climbed, `latency.svg` into a folder, made where it is missing. */
export async function writeReport(folder: string, result: BenchResult): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'results.json'), `${JSON.stringify(result, null, 2)}\n`);
  await writeFile(join(folder, 'results.md'), renderMarkdown(result));
  if (result.ladder.length > 0) await writeFile(join(folder, 'latency.svg'), renderChart(result.ladder));
}
