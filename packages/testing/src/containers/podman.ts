import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { makePodmanHome, type PodmanHome } from './podman-home.ts';

const RUN_MS = 600_000;
const SHOWN_LINES = 40;
/** Where no systemd runs, podman says with each container that nobody checks its health. */
const SYSTEMD_NOISE = /^.*systemd connection.*\n?/gm;

export interface RunOptions {
  /** Given to it on stdin. */
  input?: string;
  /** Milliseconds until it is killed; ten minutes when absent. */
  withinMs?: number;
}

/** A podman with images, containers and networks of our own. */
export interface Podman {
  /** For other programs that are to see the same, such as podman-compose. */
  readonly environment: NodeJS.ProcessEnv;
  /** @returns what it wrote to stdout, trimmed. @throws {CommandError} */
  run(args: readonly string[], options?: RunOptions): Promise<string>;
  /** Ends all containers and removes all but the images: no process, mount or network of ours is left. */
  stop(): Promise<void>;
}

/** A program ended with an error: the message has its arguments and the end of what it said. */
export class CommandError extends Error {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;

  constructor(command: string, exitCode: number | null, output: string) {
    const end = output.replace(SYSTEMD_NOISE, '').trim().split('\n').slice(-SHOWN_LINES);
    super(`${command}: exit code ${exitCode ?? 'none'}\n${end.join('\n')}`);
    this.exitCode = exitCode;
  }
}

/**
 * A podman that is apart from the system's, with nothing left in it of a run that was broken off.
 *
 * @throws {CommandError} when podman can't be started or does not work here
 */
export async function preparePodman(): Promise<Podman> {
  const home = makePodmanHome();
  const podman: Podman = {
    environment: home.environment,
    run: (args, options) => runCommand('podman', args, home.environment, options),
    stop: () => clear(podman, home),
  };
  await podman.stop();
  return podman;
}

/** Runs a program to its end. @throws {CommandError} */
export async function runCommand(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { input = '', withinMs = RUN_MS }: RunOptions = {},
): Promise<string> {
  const name = [command, ...args].join(' ');
  const child = spawn(command, args, { env: environment, timeout: withinMs, stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', ({ message }) => reject(new CommandError(name, null, message)));
    child.once('close', resolve);
  });
  const [exitCode, stdout, stderr] = await Promise.all([code, text(child.stdout), text(child.stderr)]);
  if (exitCode !== 0) throw new CommandError(name, exitCode, `${stdout}\n${stderr}`);
  return stdout.trim();
}

async function clear(podman: Podman, { storage, run }: PodmanHome): Promise<void> {
  await podman.run(['pod', 'rm', '--all', '--force', '--time', '0']);
  await podman.run(['rm', '--all', '--force', '--time', '0', '--volumes']);
  await podman.run(['volume', 'prune', '--force']);
  await podman.run(['network', 'prune', '--force']);
  // It keeps its folder of layers mounted on itself.
  for (const path of mountsUnder(storage, run)) await runCommand('umount', ['--lazy', path], podman.environment);
  rmSync(run, { recursive: true, force: true });
}

/** Those that were mounted last come first. */
function mountsUnder(...folders: readonly string[]): string[] {
  if (!existsSync('/proc/mounts')) return [];
  const paths = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  return paths.filter((path) => folders.some((folder) => path.startsWith(`${folder}/`))).toReversed();
}
