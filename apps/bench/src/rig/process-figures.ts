import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux fixes at 100 for what it shows in /proc. */
const TICKS_A_SECOND = 100;

/** Fields after the name in parentheses, which may itself hold blanks; see proc(5). */
const USER_TIME = 11;
const SYSTEM_TIME = 12;

/** CPU seconds that a process has had so far with all its threads, its own and the kernel's for it. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ');
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) / TICKS_A_SECOND;
}

export function residentKiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  if (kib === undefined) throw new Error(`process ${pid} has no resident memory: it has ended`);
  return Number(kib);
}
