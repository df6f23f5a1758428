import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Reads lines from stdin until the test process is gone, however it went (a crash or SIGKILL closes the pipe too), then
 * kills what is still on the list. A shell, because it starts in a millisecond and needs no compiled file beside it.
 */
const SCRIPT = `
pids=' '; dirs=''
while IFS=' ' read -r action value; do
  case "$action" in
    watch) pids="$pids$value " ;;
    forget) pids=" $(printf '%s' "$pids" | tr ' ' '\\n' | grep -vx "$value" | tr '\\n' ' ') " ;;
    remove) dirs="$dirs $value" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
for dir in $dirs; do rm -rf "$dir"; done
`;

let guardian: ChildProcess | undefined;

function tell(line: string): void {
  if (guardian === undefined) {
    // Detached: Ctrl-C reaches the whole foreground group, and must not end the guardian before its wards.
    guardian = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    guardian.unref();
    guardian.stdin?.on('error', () => undefined);
    if (guardian.stdin !== null && 'unref' in guardian.stdin && typeof guardian.stdin.unref === 'function') {
      guardian.stdin.unref();
    }
  }
  guardian.stdin?.write(`${line}\n`);
}

/** Has the process killed if this process ends without ending it. */
export function guardProcess(pid: number): void {
  tell(`watch ${pid}`);
}

/** The process has ended: its pid may soon be somebody else's. */
export function forgetProcess(pid: number): void {
  tell(`forget ${pid}`);
}

/** Has the directory (a path without spaces) removed when this process ends. */
export function guardDirectory(path: string): void {
  tell(`remove ${path}`);
}

/** Ends the guardian, which kills and removes all that is still on its list. A later guard starts a new one. */
export function dismissGuardian(): void {
  guardian?.stdin?.end();
  guardian = undefined;
}
