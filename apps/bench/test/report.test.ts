import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { renderChart } from '../src/report/chart.ts';
import { renderMarkdown, renderTable } from '../src/report/table.ts';
import { writeReport } from '../src/report/write.ts';
import type { BenchResult, Figure, LadderPoint, Run, ServerResult } from '../src/types.ts';

const RESULT: BenchResult = {
  meta: { date: '2026-11-22', node: 'v24', cpu: 'a CPU', cores: 2, redis: '7', pinned: true, repeats: 3, seconds: 10 },
  loads: [
    {
      name: 'steady',
      about: '1000 clients x 10 of 50 symbols x 10/s',
      servers: {
        tickcast: server({ 'CPU a delivery': figure(3.1, 'µs', 0.2), p99: figure(64, 'ms') }, { latestPublishMs: 25 }),
        floor: server({ 'CPU a delivery': figure(8, 'µs'), p99: figure(12, 'ms') }),
      },
      ratios: { 'CPU a delivery': figure(0.3875, 'x', 0.01) },
      targets: [
        { what: 'CPU a delivery, ratio to the floor', wanted: '<= 0.45x', got: 0.3875, reached: true },
        { what: 'p99', wanted: '<= 100 ms', got: null, reached: false },
      ],
    },
    {
      name: 'peers',
      about: 'the same load',
      servers: { ws: server({ deliveries: figure(69_000, '/s') }, { latestPublishMs: null, othersSaturated: true }) },
      ratios: { 'CPU a delivery, ws to floor': figure(1.7, 'x') },
      targets: [],
    },
  ],
  ladder: [point('tickcast', 100_000, 5, 40), point('tickcast', 300_000, 9, 80, true), point('floor', 100_000, 3, 12)],
};

const folders: string[] = [];

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

test('the table has a row a load and figure, ours beside the floor, with the ratio and the spread', () => {
  const cells = cellsOf('CPU a delivery');
  expect(cells).toEqual(['steady', 'CPU a delivery', '3.10 µs (2.90-3.30)', '8.00 µs', '0.388x (0.378-0.398)']);
});

test('the table says of each target whether it was reached, and of one without a figure that it was not measured', () => {
  expect(cellsOf('target: CPU a delivery')).toEqual([
    'target: CPU a delivery, ratio to the floor',
    '0.388',
    '<= 0.45x',
    'yes',
  ]);
  expect(cellsOf('target: p99')).toEqual(['target: p99', 'not measured', '<= 100 ms', 'falls short']);
});

test('other servers have rows of their own, and ratios of theirs are not lost', () => {
  expect(cellsOf('69,000 /s')).toEqual(['peers', 'ws: deliveries', '69,000 /s']);
  expect(cellsOf('ws to floor')).toEqual(['CPU a delivery, ws to floor', '1.70x']);
});

test('what makes a number hard to believe stands below the table', () => {
  const table = renderTable(RESULT);
  expect(table).toContain('steady, tickcast, repeat 1: the publisher was over 10 ms late');
  expect(table).toContain('peers, ws, repeat 1: clients, publisher and Redis had no time left');
  expect(table).not.toContain('peers, ws, repeat 1: the publisher');
  expect(table).toContain('ladder, tickcast at 10/s, climb 1: clients, publisher and Redis had no time left');
  expect(table).not.toContain('NOT PINNED');
  expect(renderTable({ ...RESULT, meta: { ...RESULT.meta, pinned: false } })).toContain('NOT PINNED');
});

test('the rungs of the ladder have a table of their own, which says where the others had no time left', () => {
  expect(cellsOf('300,000')).toEqual(['tickcast', '10', '300,000', '9.00', '80.0', '0.00', '47', 'no time left']);
  expect(cellsOf('floor     10')).toEqual(['floor', '10', '100,000', '3.00', '12.0', '0.00', '47']);
  expect(renderTable({ ...RESULT, ladder: [] })).not.toContain('events/s a symbol');
});

test('the Markdown table has the same rows, each with as many cells as there are headings', () => {
  const lines = renderMarkdown(RESULT)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  const ladder = lines.splice(lines.findIndex((line) => line.startsWith('| ladder')));
  expect(ladder).toHaveLength(2 + 3);
  expect(new Set(lines.map((line) => line.split(' | ').length))).toEqual(new Set([8]));
  expect(lines).toHaveLength(2 + 2 + 2 + 1 + 1);
});

test('the chart has a line for p50 and one for p99 of each server, on a white ground, with the limit marked', () => {
  const svg = renderChart(RESULT.ladder);
  expect(svg).toMatch(/^<svg /);
  for (const text of [
    'Tickcast, p99',
    'Tickcast, p50',
    'naive floor, p99',
    '100 ms',
    'deliveries a second',
    'server CPU, %',
  ]) {
    expect(svg).toContain(text);
  }
  expect(svg).toMatch(/fill="#ffffff"|fill="white"|fill="#fff"/i);
});

test('a rung whose clients had no time left is drawn hollow, and the chart says what that means', () => {
  const full = RESULT.ladder.filter(({ climbs }) => !climbs[0]?.othersSaturated);
  expect(renderChart(RESULT.ladder)).toContain('hollow: clients, publisher and Redis had no time left');
  expect(renderChart(full)).not.toContain('hollow');
});

test('a server that delivered nothing on a rung does not spoil the chart', () => {
  expect(renderChart([...RESULT.ladder, point('ws', 0, Number.NaN, Number.NaN)])).not.toContain('NaN');
});

test('a report is JSON, Markdown and, where a ladder was climbed, a chart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-report-'));
  folders.push(folder);
  await writeReport(join(folder, 'new', 'all'), RESULT);
  await writeReport(join(folder, 'new', 'flat'), { ...RESULT, ladder: [] });
  expect((await readdir(join(folder, 'new', 'all'))).toSorted()).toEqual(['latency.svg', 'results.json', 'results.md']);
  expect((await readdir(join(folder, 'new', 'flat'))).toSorted()).toEqual(['results.json', 'results.md']);
  expect(JSON.parse(await readFile(join(folder, 'new', 'all', 'results.json'), 'utf8'))).toEqual(RESULT);
});

/** The cells, without the empty ones, of the first line of the table that has this text. */
function cellsOf(text: string): string[] {
  const line = renderTable(RESULT)
    .split('\n')
    .find((each) => each.includes(text));
  return (line ?? '').split(/ {2,}/).filter((cell) => cell !== '');
}

function figure(median: number, unit: string, spread = 0): Figure {
  return { median, min: median - spread, max: median + spread, unit };
}

function server(figures: Record<string, Figure>, run: Partial<Run> = {}): ServerResult {
  return {
    figures,
    runs: [
      {
        repeat: 1,
        published: 5000,
        latestPublishMs: 1,
        serverCpuPercent: 40,
        generatorCpuPercent: 50,
        redisCpuPercent: 5,
        publisherCpuPercent: 5,
        othersSaturated: false,
        pinned: true,
        figures: Object.fromEntries(Object.entries(figures).map(([name, { median }]) => [name, median])),
        ...run,
      },
    ],
  };
}

function point(
  name: string,
  deliveriesPerSecond: number,
  p50Ms: number,
  p99Ms: number,
  othersSaturated = false,
): LadderPoint {
  const of = { server: name, rate: 10, deliveriesPerSecond, p50Ms, p99Ms, missing: 0, serverCpuPercent: 47 };
  return { ...of, climbs: [{ ...of, climb: 1, latestPublishMs: 1, othersSaturated }] };
}
