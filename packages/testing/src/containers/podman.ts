import { existsSync, readFileSync, rmSync } from 'node:fs';
import { type CommandOptions, runCommand } from '../command.ts';
import { makePodmanHome, type PodmanHome } from './podman-home.ts';

const RUN_MS = 600_000;

/** A podman with images, containers and networks of our own. */
export interface Podman {
  /** For other programs that are to see the same, such as podman-compose. */
  readonly environment: NodeJS.ProcessEnv;
  /** @returns what it wrote to stdout, trimmed. @throws {CommandError} */
  run(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Ends all containers and removes all but the images: no process, mount or network of ours is left. */
  stop(): Promise<void>;
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
    run: (args, options) => runCommand('podman', args, { env: home.environment, withinMs: RUN_MS, ...options }),
    stop: () => clear(podman, home),
  };
  await podman.stop();
  return podman;
}

async function clear(podman: Podman, { storage, run }: PodmanHome): Promise<void> {
  await podman.run(['pod', 'rm', '--all', '--force', '--time', '0']);
  await podman.run(['rm', '--all', '--force', '--time', '0', '--volumes']);
  await podman.run(['volume', 'prune', '--force']);
  await podman.run(['network', 'prune', '--force']);
  // It keeps its folder of layers mounted on itself.
  for (const path of mountsUnder(storage, run)) await runCommand('umount', ['--lazy', path]);
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
