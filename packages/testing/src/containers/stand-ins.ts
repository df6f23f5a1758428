import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError, runCommand } from '../command.ts';
import type { Podman } from './podman.ts';
import { ROOT } from './podman-home.ts';

/** What deploy/Dockerfile, docker-compose.yml and k8s/ take from a registry. */
export const BASE_IMAGES = {
  debian: 'docker.io/library/debian:trixie-slim',
  node: 'docker.io/library/node:24.21.0-trixie-slim',
  redis: 'docker.io/library/redis:8.0',
  haproxy: 'docker.io/library/haproxy:3.0',
  valkey: 'docker.io/valkey/valkey:8.1',
} as const;

type Name = keyof typeof BASE_IMAGES;

const FOLDER = fileURLToPath(new URL('../../stand-ins', import.meta.url));
const LABEL = 'dev.tickcast.stand-in';
/** What is fetched may come slowly. */
const OPTIONS = { withinMs: 600_000 };
const SUITE = 'trixie';
/** What Debian's slim images leave out too, and what apt keeps of packages that are installed. */
const NOT_IN_SLIM = ['usr/share/locale', 'usr/share/man', 'usr/share/info', 'var/cache/apt', 'var/lib/apt/lists'];

/** As Debian's images have it: apt keeps nothing. */
const APT_KEEPS_NOTHING = [
  'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };',
  'Dir::Cache::pkgcache "";',
  'Dir::Cache::srcpkgcache "";',
].join('\n');

/** Says which stand-in this source makes. */
const VERSION = hashOf(
  readFileSync(fileURLToPath(import.meta.url)),
  ...readdirSync(FOLDER).map((name) => readFileSync(join(FOLDER, name))),
);

/**
 * Sees to it that every image is there which ours are built on or run beside: from its registry, or where that can't be
 * reached a stand-in. Once for all runs; those that are there already stay as they are.
 *
 * @param log told of what takes long
 * @throws {CommandError} when a stand-in can't be made
 */
export async function ensureStandIns(podman: Podman, log: (line: string) => void): Promise<void> {
  const missing: Name[] = [];
  for (const name of Object.keys(BASE_IMAGES) as Name[]) if (!(await isThere(podman, name))) missing.push(name);
  let reachesRegistry = true;
  for (const name of missing) {
    reachesRegistry = reachesRegistry && (await pull(podman, name));
    if (reachesRegistry) continue;
    log(`${BASE_IMAGES[name]} can't be pulled here: making a stand-in`);
    await (name === 'debian' ? makeDebian(podman) : makeFromDebian(podman, name));
  }
}

async function isThere(podman: Podman, name: Name): Promise<boolean> {
  const format = `{{index .Config.Labels "${LABEL}"}}`;
  try {
    const version = await podman.run(['image', 'inspect', '--format', format, BASE_IMAGES[name]]);
    // The real one has no such label.
    return version === '' || version === VERSION;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

async function pull(podman: Podman, name: Name): Promise<boolean> {
  return podman.run(['pull', '--quiet', BASE_IMAGES[name]]).then(
    () => true,
    () => false,
  );
}

async function makeDebian(podman: Podman): Promise<void> {
  const folder = scratchFolder();
  try {
    await runCommand('debootstrap', ['--variant=minbase', SUITE, join(folder, 'root')], OPTIONS);
    writeFileSync(join(folder, 'root/etc/apt/apt.conf.d/docker-clean'), `${APT_KEEPS_NOTHING}\n`);
    const leftOut = NOT_IN_SLIM.map((path) => `--exclude=./${path}/*`);
    const archive = join(folder, 'root.tar');
    await runCommand('tar', ['-C', join(folder, 'root'), ...leftOut, '-cf', archive, '.'], OPTIONS);
    const changes = ['CMD ["bash"]', `LABEL ${LABEL}=${VERSION}`].flatMap((change) => ['--change', change]);
    await podman.run(['import', '--quiet', ...changes, archive, BASE_IMAGES.debian]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeFromDebian(podman: Podman, name: Name): Promise<void> {
  const folder = scratchFolder();
  try {
    cpSync(FOLDER, folder, { recursive: true });
    if (name === 'node') await fetchNode(folder);
    const args = ['--format', 'docker', '--label', `${LABEL}=${VERSION}`, '--target', name, '--tag', BASE_IMAGES[name]];
    await podman.run(['build', '--quiet', ...args, folder]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** npm has Node.js's own binaries as packages, and itself. */
async function fetchNode(folder: string): Promise<void> {
  const [, nodeVersion = ''] = /:([\d.]+)/.exec(BASE_IMAGES.node) ?? [];
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { packageManager: string };
  for (const [name, spec] of [
    ['node', `node-linux-${process.arch}@${nodeVersion}`],
    ['npm', packageManager],
  ] as const) {
    const archive = await runCommand('npm', ['pack', spec, '--silent', '--pack-destination', folder], OPTIONS);
    mkdirSync(join(folder, name));
    const args = ['-xzf', join(folder, archive), '-C', join(folder, name), '--strip-components=1'];
    await runCommand('tar', args, OPTIONS);
    rmSync(join(folder, archive));
  }
}

function scratchFolder(): string {
  return mkdtempSync(join(ROOT, '.tickcast', 'containers', 'stand-in-'));
}

function hashOf(...contents: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const content of contents) hash.update(content);
  return hash.digest('hex').slice(0, 16);
}
