import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { eventually } from '../eventually.ts';
import { forgetProcess, guardProcess } from '../guardian.ts';
import { cleanEnvironment } from '../processes.ts';
import type { Partly } from './scenario.ts';

/** The program that does with an SDK what it is told: JSON lines in, JSON lines out. */
export interface DriverCommand {
  command: string;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
}

/** What the driver said, with `performance.now()` of its arrival. */
export interface Report {
  at: number;
  report: string;
  [field: string]: unknown;
}

export interface Driver {
  /** Of the scenario that it is in; of this program and of those before it. */
  readonly reports: readonly Report[];
  /** What it said besides, on stderr, and was not yet told of. */
  readonly complaints: string[];
  tell(command: Partly): void;
  /** Kills it and starts it anew, as another process of the same application would be. */
  restart(): void;
  /** Has it close the client and forget everything, for another scenario. @throws when it says nothing within 10 s */
  reset(): Promise<void>;
  /** Closes its input, upon which it ends; kills it where it does not within 5 s. */
  end(): Promise<void>;
}

const RESET_WITHIN_MS = 10_000;
const END_WITHIN_MS = 5000;

export function startDriver({ command, args, env = {} }: DriverCommand): Driver {
  const reports: Report[] = [];
  const complaints: string[] = [];
  let child = start();

  function start(): ChildProcessWithoutNullStreams {
    const started = spawn(command, args, { env: cleanEnvironment(env), stdio: 'pipe' });
    started.on('error', (error) => complaints.push(`${command} could not be started: ${error.message}`));
    started.stdin.on('error', () => undefined);
    createInterface({ input: started.stderr }).on('line', (line) => complaints.push(line));
    createInterface({ input: started.stdout }).on('line', (line) => {
      // Of one that was killed nothing more is heard, as of a machine that went down.
      if (started === child) reports.push(parse(line));
    });
    const { pid } = started;
    if (pid !== undefined) {
      guardProcess(pid);
      started.once('exit', () => forgetProcess(pid));
    }
    return started;
  }

  return {
    reports,
    complaints,
    tell: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    restart() {
      const former = child;
      reports.push({ report: 'restarted', at: performance.now() });
      child = start();
      former.kill('SIGKILL');
    },
    async reset() {
      this.tell({ do: 'reset' });
      await eventually(() => reports.some(({ report }) => report === 'reset'), { withinMs: RESET_WITHIN_MS });
      reports.length = 0;
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const exited = once(child, 'exit');
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
      await exited.finally(() => clearTimeout(timer));
    },
  };
}

function parse(line: string): Report {
  try {
    return { ...(JSON.parse(line) as { report: string }), at: performance.now() };
  } catch {
    return { report: 'no JSON', line, at: performance.now() };
  }
}
