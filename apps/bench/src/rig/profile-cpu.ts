/**
 * Loaded into the edge before its program, as `node --import 'profile-cpu.js?to=FILE'`: the first SIGUSR2 starts a CPU profile and
 * prints `{"profiling":true}`, the second ends it, writes FILE and prints `{"profiled":true}`.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

const INTERVAL_US = 500;

const session = new Session();
session.connect();

async function start(): Promise<void> {
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await session.post('Profiler.start');
  console.log('{"profiling":true}');
}

async function stop(): Promise<void> {
  const { profile } = await session.post('Profiler.stop');
  writeFileSync(new URL(import.meta.url).searchParams.get('to') ?? '', JSON.stringify(profile));
  console.log('{"profiled":true}');
}

process.once('SIGUSR2', () => {
  process.once('SIGUSR2', () => void stop());
  void start();
});
