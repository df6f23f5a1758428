import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { cleanEnvironment, startProcess } from '@tickcast/testing';
import type { BenchResult, LoadResult } from '../src/types.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'tickcast-bench-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

async function bench(...args: string[]) {
  const child = await startProcess(process.execPath, [MAIN, ...args, '--out', out], { env: cleanEnvironment() });
  return { ...(await child.exited), output: child.lines().join('\n') };
}

function figuresOf(load: LoadResult | undefined, server: string): Record<string, number> {
  return load?.servers[server]?.runs[0]?.figures ?? {};
}

test('the benchmark runs: every server delivers all, and every figure is there', async () => {
  const { code, output } = await bench('steady', 'burst', 'connect', '--short', '--seconds', '1');
  expect({ code, output }).toMatchObject({ code: 0 });
  const result = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as BenchResult;
  expect(result.loads.map(({ name }) => name)).toEqual(['steady', 'burst', 'connect']);
  expect(result.meta).toMatchObject({ node: process.version, repeats: 1, seconds: 1 });
  const [steady, burst, connect] = result.loads;

  for (const server of ['tickcast', 'floor']) {
    const run = steady?.servers[server]?.runs[0];
    expect(run?.published).toBeGreaterThan(0);
    for (const figure of ['deliveries', 'p50', 'p99']) expect(figuresOf(steady, server)[figure]).toBeGreaterThan(0);
    // The system counts CPU in steps of 10 ms: in so short a run there may have been none.
    expect(figuresOf(steady, server)['CPU a delivery']).toBeGreaterThanOrEqual(0);
    expect(burst?.servers[server]?.runs[0]?.published).toBe(1000);
    for (const figure of ['deliveries', 'bytes']) expect(figuresOf(burst, server)[figure]).toBeGreaterThan(0);
  }
  for (const server of ['tickcast', 'bare']) {
    expect(figuresOf(connect, server)['all ready after']).toBeGreaterThan(0);
    expect(figuresOf(connect, server)['CPU a client']).toBeGreaterThanOrEqual(0);
  }
  for (const { targets } of result.loads) expect(targets.length).toBeGreaterThan(0);
  expect(burst?.targets.map(({ got }) => got)).toEqual([expect.any(Number)]);
}, 120_000);

test('with a profile the edge runs alone, and says which functions took its time', async () => {
  const { code, output } = await bench('quiet', '--short', '--seconds', '1', '--profile');
  expect({ code, output }).toMatchObject({ code: 0 });
  const { loads } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8')) as BenchResult;
  expect(Object.keys(loads[0]?.servers ?? {})).toEqual(['tickcast']);
  expect(loads[0]?.profile?.length).toBeGreaterThan(0);
  expect(output).toContain('quiet, where the edge was when it was not idle:');
  expect(JSON.parse(readFileSync(join(out, 'quiet.cpuprofile'), 'utf8'))).toHaveProperty('samples');
}, 60_000);

test('a command line that makes no sense ends with status 1 and says how to write it', async () => {
  const { code, output } = await bench('stedy');
  expect(code).toBe(1);
  expect(output).toMatch(/There is no load stedy\.\nnpm run bench -- /);
});
