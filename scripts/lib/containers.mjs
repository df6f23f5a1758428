import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Problem, say } from './repo.mjs';
import { findProgram, installPackages } from './system-packages.mjs';

const PROGRAMS = ['podman', 'runc', 'iptables', 'debootstrap'];
/** Podman starts them, from one of its folders: for containers' networks and names, and as the first process of a pod. */
const HELPERS = ['netavark', 'aardvark-dns', 'catatonit'];
const HELPER_FOLDERS = ['/usr/libexec/podman', '/usr/libexec/catatonit', '/usr/lib/podman', '/usr/bin'];

const PACKAGES = {
  'apt-get': [...PROGRAMS, ...HELPERS, 'debian-archive-keyring'],
  dnf: [...PROGRAMS, ...HELPERS, 'debian-keyring'],
};

/**
 * Sees to it that containers can be run here, and base images be made where none can be pulled.
 *
 * @throws {Problem} that says what to do
 */
export async function ensureContainerPrograms() {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Problem('this runs containers, and makes their base images, as root on Linux: run it with sudo there');
  if (missing().length === 0) return;
  say(`installing ${missing().join(', ')}`);
  const { advice } = await installPackages(PACKAGES);
  if (missing().length > 0) throw new Problem(`to run containers ${missing().join(', ')} must be installed: ${advice}`);
}

function missing() {
  const hasFile = (name) => HELPER_FOLDERS.some((folder) => existsSync(join(folder, name)));
  return [...PROGRAMS.filter((name) => findProgram(name) === undefined), ...HELPERS.filter((name) => !hasFile(name))];
}
