import { spawn } from 'node:child_process';
import { eventually } from './eventually.ts';
import { dismissGuardian, forgetProcess, guardProcess } from './guardian.ts';

/** How a process ended; one of the two is null. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running child that can't outlive the process which started it. */
export interface ManagedProcess {
  readonly pid: number;
  /** Settles when the process has ended and all its output was read; never rejects. */
  readonly exited: Promise<Exit>;
  readonly running: boolean;
  /** Lines of stdout and stderr so far, in the order they came. */
  lines(): string[];
  signal(name: NodeJS.Signals): void;
  /** SIGTERM (after SIGCONT, so that a paused process hears it), then SIGKILL after `graceMs`. No-op when it has ended. */
  stop(graceMs?: number): Promise<Exit>;
  /** SIGKILL. No-op when it has ended. */
  kill(): Promise<Exit>;
  /** Resolves with the first line that matches; rejects when the process ends first or after `withinMs`. */
  waitForLine(pattern: RegExp, withinMs?: number): Promise<string>;
}

export interface ProcessOptions {
  /** The whole environment of the child; the parent's is not added. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

const running = new Set<ManagedProcess>();

/**
 * Starts a program. It is killed when the test file ends (if still running), and when this process dies.
 *
 * @throws when the program can't be started (`.code` is that of `spawn`, e.g. `ENOENT`)
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<ManagedProcess> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  collectLines(child.stdout, output);
  collectLines(child.stderr, output);
  const exited = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const pid = child.pid as number;
  guardProcess(pid);

  let ended = false;
  let silent = false;
  void exited.then(() => (silent = true));
  const handle: ManagedProcess = {
    pid,
    exited,
    get running() {
      return !ended;
    },
    lines: () => [...output],
    signal: (name) => void child.kill(name),
    async stop(graceMs = 10_000) {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      return exited.finally(() => clearTimeout(timer));
    },
    async kill() {
      child.kill('SIGKILL');
      return exited;
    },
    waitForLine: (pattern, withinMs = 10_000) =>
      eventually(
        () => {
          const line = output.find((text) => pattern.test(text));
          if (line !== undefined) return line;
          const problem = silent ? 'ended without' : 'has not yet printed';
          throw new Error(`${command} ${problem} a line like ${pattern}:\n${output.join('\n')}`);
        },
        { withinMs, giveUp: () => silent && !output.some((text) => pattern.test(text)) },
      ),
  };
  running.add(handle);
  child.once('exit', () => {
    ended = true;
    running.delete(handle);
    forgetProcess(pid);
  });
  return handle;
}

/** Kills every process that `startProcess` started and that is still running. */
export async function endAllProcesses(): Promise<void> {
  await Promise.all([...running].map((child) => child.kill()));
  dismissGuardian();
}

/** Settings of a developer or of a CI that change what a child does, or colour what it prints where no terminal reads it. */
const NOT_INHERITED = /^(TICKCAST|NODE_OPTIONS|JEST)|^(CI|COLORTERM|FORCE_COLOR|NO_COLOR)$/;

/** The environment for a child: this process's own, without what would make a test's outcome depend on who runs it. */
export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name));
  return { ...Object.fromEntries(inherited), ...extra };
}

function collectLines(stream: NodeJS.ReadableStream, into: string[]): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    into.push(...parts);
  });
  stream.on('end', () => {
    if (rest !== '') into.push(rest);
  });
}
