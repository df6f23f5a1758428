import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run, say } from './repo.mjs';

// Where servers are installed that a user's PATH often leaves out.
const MORE_FOLDERS = ['/usr/local/bin', '/usr/local/sbin', '/usr/sbin', '/opt/homebrew/bin'];

const MANAGERS = [
  {
    name: 'apt-get',
    needsRoot: true,
    // A machine that has just started may be installing something by itself.
    options: ['-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=5'],
    // A bare image has no package lists yet.
    commands: (names) => [['update'], ['install', '--yes', '--no-install-recommends', ...names]],
  },
  { name: 'dnf', needsRoot: true, commands: (names) => [['install', '--assumeyes', ...names]] },
  { name: 'apk', needsRoot: true, commands: (names) => [['add', '--no-cache', ...names]] },
  { name: 'brew', needsRoot: false, commands: (names) => [['install', ...names]] },
];

/** The path of the first of these programs that is installed, or undefined. */
export function findProgram(...names) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...MORE_FOLDERS];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

/**
 * Installs packages with the system's package manager, where there is one and this user may.
 *
 * @param {Record<string, string[]>} packages the names, for each of apt-get, dnf, apk and brew
 * @returns {Promise<{ done: boolean, advice: string }>} `advice` is the command for a person to run when not done
 */
export async function installPackages(packages) {
  const manager = MANAGERS.find(({ name }) => findProgram(name) !== undefined);
  if (manager === undefined) return { done: false, advice: "install it with your system's package manager" };
  const commands = manager.commands(packages[manager.name] ?? []);
  const isRoot = process.getuid?.() === 0;
  const advice = commands
    .map((args) => `${manager.needsRoot && !isRoot ? 'sudo ' : ''}${manager.name} ${args.join(' ')}`)
    .join(' && ');
  if (manager.needsRoot && !isRoot) return { done: false, advice: `run: ${advice}` };
  say(advice);
  for (const args of commands) {
    const code = await run(manager.name, [...(manager.options ?? []), ...args], {
      quiet: true,
      env: { DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (code !== 0) return { done: false, advice: `this failed, see above: ${advice}` };
  }
  return { done: true, advice };
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
