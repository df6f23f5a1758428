import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../guardian.sh', import.meta.url));

let guardian: ChildProcess | undefined;

function tell(line: string): void {
  guardian ??= startGuardian();
  guardian.stdin?.write(`${line}\n`);
}

function startGuardian(): ChildProcess {
  // Detached: Ctrl-C reaches the whole foreground group, and must not end the guardian before its wards.
  const child = spawn('/bin/sh', [SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.unref();
  const { stdin } = child;
  stdin.on('error', () => undefined);
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  return child;
}

/** Has the process killed if this process ends without ending it. */
export function guardProcess(pid: number): void {
  tell(`watch ${pid}`);
}

/** The process has ended: its pid may soon be somebody else's. */
export function forgetProcess(pid: number): void {
  tell(`forget ${pid}`);
}

/** Has the file or directory removed when this process ends. */
export function guardPath(path: string): void {
  tell(`remove ${path}`);
}

/** Ends the guardian, which kills and removes all that is still on its list. A later guard starts a new one. */
export function dismissGuardian(): void {
  guardian?.stdin?.end();
  guardian = undefined;
}
