import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BASE_IMAGES } from '../containers/stand-ins.ts';
import { imageName } from '../containers/images.ts';
import type { Podman } from '../containers/podman.ts';
import type { Layout } from './layout.ts';
import type { Machine } from './machine.ts';
import { PAUSE_IMAGE } from './node-config.ts';

export const DNS_IMAGE = 'localhost/coredns:1';
export const GATEWAY_IMAGE = 'localhost/traefik:1';
export const METRICS_ADAPTER_IMAGE = 'localhost/prometheus-adapter:1';
export const PROMETHEUS_IMAGE = 'localhost/prometheus:1';

/** Images that hold nothing but a program which was built for the cluster. */
const PROGRAM_IMAGES = [
  { name: DNS_IMAGE, program: 'coredns' },
  { name: GATEWAY_IMAGE, program: 'traefik' },
  { name: METRICS_ADAPTER_IMAGE, program: 'adapter' },
] as const;

const OTHER_IMAGES = [
  // Anything that lives and does nothing holds a pod's namespaces open.
  { name: PAUSE_IMAGE, lines: ['USER 65535:65535', 'ENTRYPOINT ["sleep", "infinity"]'] },
  {
    name: PROMETHEUS_IMAGE,
    lines: [
      'RUN apt-get update && apt-get install --yes --no-install-recommends prometheus && rm -rf /var/lib/apt/lists',
      'ENTRYPOINT ["/usr/bin/prometheus"]',
    ],
  },
] as const;

/** Images of the product, and what the overlay `local` needs besides. */
const IMAGES = [imageName('edge'), imageName('producers'), imageName('cli'), BASE_IMAGES.valkey];

/** Gives the node all images it will be asked for: those of `podman`, where they have been built, and the cluster's own. */
export async function loadImages(machine: Machine, layout: Layout, podman: Podman): Promise<void> {
  const folder = join(layout.root, 'images');
  await mkdir(folder);
  for (const { name, lines } of OTHER_IMAGES) {
    await build(podman, folder, name, [`FROM ${BASE_IMAGES.debian}`, ...lines, ''].join('\n'));
  }
  for (const { name, program } of PROGRAM_IMAGES) {
    await copyFile(join(layout.programs, program), join(folder, program));
    await build(podman, folder, name, `FROM scratch\nCOPY ${program} /\nENTRYPOINT ["/${program}"]\n`);
    await rm(join(folder, program));
  }
  const archive = join(folder, 'all.tar');
  const names = [...IMAGES, ...[...OTHER_IMAGES, ...PROGRAM_IMAGES].map(({ name }) => name)];
  await podman.run(['save', '--quiet', '--multi-image-archive', '--output', archive, ...names]);
  await containerd(machine, layout, ['import', archive]);
  await rm(folder, { recursive: true });
}

/** As `docker tag`, on the node. */
export async function tagImage(machine: Machine, layout: Layout, from: string, to: string): Promise<void> {
  await containerd(machine, layout, ['tag', '--force', from, to]);
}

async function build(podman: Podman, folder: string, name: string, file: string): Promise<void> {
  await writeFile(join(folder, 'Containerfile'), file);
  await podman.run(['build', '--quiet', '--format', 'docker', '--tag', name, folder]);
}

async function containerd(machine: Machine, layout: Layout, args: readonly string[]): Promise<void> {
  const flags = ['--address', layout.containerdSocket, '--namespace', 'k8s.io', 'images'];
  await machine.run('ctr', [...flags, ...args], 300_000);
}
