import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../processes.ts';

/** From here, whether as source or built. */
const TOP_FOLDER = '../../../..';

/** The repository's top folder. */
export const ROOT = fileURLToPath(new URL(TOP_FOLDER, import.meta.url));

/** Where podman keeps all of ours, apart from whatever else this machine runs. */
export interface PodmanHome {
  /** Images and volumes, kept from run to run. */
  storage: string;
  /** What lasts as long as containers run. */
  run: string;
  /** For podman, buildah and podman-compose. */
  environment: NodeJS.ProcessEnv;
}

/** Two clones of the repository may run their containers at the same time. */
export const CLONE = createHash('sha256').update(ROOT).digest('hex').slice(0, 8);
/** Not podman's own 10.88.0.0/16: the system's podman, if there is one, hands those addresses out too. */
const SUBNET = `10.190.${Number.parseInt(CLONE.slice(0, 2), 16)}`;

const DEFAULT_NETWORK = {
  name: 'tickcast',
  id: createHash('sha256').update('tickcast').digest('hex'),
  driver: 'bridge',
  network_interface: `tick${CLONE}`,
  created: '2026-01-01T00:00:00Z',
  subnets: [{ subnet: `${SUBNET}.0/24`, gateway: `${SUBNET}.1` }],
  ipv6_enabled: false,
  internal: false,
  dns_enabled: true,
  ipam_options: { driver: 'host-local' },
};

/** Writes the configuration that makes podman use folders of the repository and leave the system's alone. */
export function makePodmanHome(): PodmanHome {
  const folder = join(ROOT, '.tickcast', 'containers');
  const networks = join(folder, 'networks');
  const storage = join(folder, 'storage');
  // Emptied by a restart of the machine, as podman wants it, and short: there are Unix sockets in it.
  const run = `/run/tickcast-${CLONE}`;
  mkdirSync(networks, { recursive: true });
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  writeFileSync(join(networks, 'tickcast.json'), JSON.stringify(DEFAULT_NETWORK));

  const file = (name: string, lines: readonly string[]): string => {
    const path = join(folder, name);
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  };
  return {
    storage,
    run,
    environment: cleanEnvironment({
      CONTAINERS_CONF: file('containers.conf', [
        '[containers]',
        // The usual ones ask for more than a machine may have that is a container itself.
        'default_ulimits = ["nofile=16384:16384", "nproc=16384:16384"]',
        '[network]',
        'network_backend = "netavark"',
        `network_config_dir = "${networks}"`,
        `default_network = "${DEFAULT_NETWORK.name}"`,
        '[engine]',
        // crun needs cgroups v2, and systemd's cgroups need systemd.
        'runtime = "runc"',
        'cgroup_manager = "cgroupfs"',
        'events_logger = "file"',
        `tmp_dir = "${run}/libpod"`,
        `image_copy_tmp_dir = "${join(folder, 'tmp')}"`,
        // The others are in shared memory, where all of a machine's podmans have the same.
        'lock_type = "file"',
      ]),
      CONTAINERS_STORAGE_CONF: file('storage.conf', [
        '[storage]',
        'driver = "overlay"',
        `graphroot = "${storage}"`,
        `runroot = "${run}/storage"`,
      ]),
      // Docker's rule: a name without a registry is one of docker.io.
      CONTAINERS_REGISTRIES_CONF: file('registries.conf', [
        'unqualified-search-registries = ["docker.io"]',
        'short-name-mode = "permissive"',
      ]),
    }),
  };
}
