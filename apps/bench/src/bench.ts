import type { Profiler } from 'node:inspector/promises';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { endAllProcesses, startRedis } from '@tickcast/testing';
import type { BenchConfig } from './config.ts';
import { LOADS } from './loads/all.ts';
import { expectedSeconds, WARM_UP_SECONDS } from './loads/duration.ts';
import { functionShares } from './report/profile.ts';
import { renderTable } from './report/table.ts';
import { writeReport } from './report/write.ts';
import { canPin, coreCount, pin } from './rig/pinning.ts';
import type { BenchResult, LadderPoint, LoadResult } from './types.ts';

/** Runs what the command line asks for. @throws when a server under test breaks; never because it is slow */
export async function runBench(config: BenchConfig): Promise<void> {
  if (!existsSync('/proc/self/stat'))
    throw new Error('CPU is read from /proc, which is not here: run the benchmark on Linux');
  // What it starts is where it is, unless it says otherwise.
  pin(process.pid, 'others');
  const warmUpSeconds = config.short ? 0.5 : WARM_UP_SECONDS;
  const extent = { ...config, warmUpSeconds, say: (line: string) => console.error(line) };
  if (!canPin) extent.say('Nothing is pinned to a core: taskset is missing (util-linux), or there is one core.');
  extent.say(`This takes about ${Math.ceil(expectedSeconds(config) / 60)} min.`);
  try {
    const meta = await describeRun(config);
    await mkdir(config.out, { recursive: true });
    const loads: LoadResult[] = [];
    const ladder: LadderPoint[] = [];
    for (const name of config.loads) {
      const profileTo = config.profile ? join(config.out, `${name}.cpuprofile`) : null;
      const outcome = await LOADS[name]({ ...extent, profileTo });
      loads.push(profileTo === null ? outcome.result : await withProfile(outcome.result, profileTo));
      ladder.push(...(outcome.ladder ?? []));
      // After each load: a long run that breaks in the end has said something.
      await writeReport(config.out, { meta, loads, ladder });
    }
    console.log(renderTable({ meta, loads, ladder }));
  } finally {
    await endAllProcesses();
  }
}

async function withProfile(result: LoadResult, file: string): Promise<LoadResult> {
  return { ...result, profile: functionShares(JSON.parse(await readFile(file, 'utf8')) as Profiler.Profile) };
}

async function describeRun({ repeats, seconds }: BenchConfig): Promise<BenchResult['meta']> {
  const redis = await startRedis();
  const info = await redis.cli('INFO', 'server');
  await redis.kill();
  return {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: coreCount,
    redis: /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown',
    pinned: canPin,
    repeats,
    seconds,
  };
}
