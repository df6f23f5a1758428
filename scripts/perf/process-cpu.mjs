import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const CLOCK_TICKS = 100;

/** Keeps a process on one core, where the system has taskset. */
export function pin(pid, core) {
  if (availableParallelism() > 1) spawnSync('taskset', ['-apc', String(core), String(pid)]);
}

/** CPU time that a process has had so far, its own and the kernel's for it. */
export function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}
