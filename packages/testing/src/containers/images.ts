import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Podman } from './podman.ts';
import { ROOT } from './podman-home.ts';

const TARGETS = ['edge', 'producers', 'cli', 'setup'] as const;

export type Target = (typeof TARGETS)[number];

export interface BuiltImage {
  target: Target;
  id: string;
  /** Unpacked, with its base. */
  bytes: number;
  /** Of its base, which all that are built on the same share. */
  baseBytes: number;
}

/** What other programs on this machine trust, where its registry of packages may be behind a proxy with a CA of its own. */
const SYSTEM_CA = '/etc/ssl/certs/ca-certificates.crt';

/** The name by which docker-compose.yml and k8s/ know the image. */
export function imageName(target: Target): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'apps/cli/package.json'), 'utf8')) as { version: string };
  return `docker.io/tickcast/${target}:${version}`;
}

/**
 * Builds all targets of deploy/Dockerfile. What has not changed since the last time comes from the cache.
 *
 * @throws {CommandError} when one can't be built
 */
export async function buildImages(podman: Podman): Promise<BuiltImage[]> {
  const images: BuiltImage[] = [];
  for (const target of TARGETS) {
    // Podman's own format has no health checks. With a fixed time, equal contents make equal images.
    const args = ['--format', 'docker', '--timestamp', '0', '--layers'];
    const secret = existsSync(SYSTEM_CA) ? ['--secret', `id=ca,src=${SYSTEM_CA}`] : [];
    const file = ['--file', join(ROOT, 'deploy/Dockerfile'), '--target', target, '--tag', imageName(target)];
    await podman.run(['build', ...args, ...secret, ...file, ROOT]);
    images.push(await describe(podman, target));
  }
  return images;
}

/** One line for each image. */
export function describeImages(images: readonly BuiltImage[]): string {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1).padStart(6)} MB`;
  return images
    .map(({ target, bytes, baseBytes }) => {
      return `${target.padEnd(10)} ${megabytes(bytes)}, of which ours ${megabytes(bytes - baseBytes)}`;
    })
    .join('\n');
}

async function describe(podman: Podman, target: Target): Promise<BuiltImage> {
  const [id = '', size] = (
    await podman.run(['image', 'inspect', '--format', '{{.Id}} {{.Size}}', imageName(target)])
  ).split(' ');
  const base = target === 'setup' ? 'DEBIAN_IMAGE' : 'NODE_IMAGE';
  const [, baseName = ''] =
    new RegExp(`^ARG ${base}=(\\S+)$`, 'm').exec(readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8')) ?? [];
  const baseSize = await podman.run(['image', 'inspect', '--format', '{{.Size}}', baseName]);
  return { target, id, bytes: Number(size), baseBytes: Number(baseSize) };
}
