import { join } from 'node:path';
import { freePort } from '../ports.ts';
import { CLONE, ROOT } from './podman-home.ts';
import { type CommandOptions, runCommand } from '../command.ts';
import type { Podman } from './podman.ts';

/** Not the name and the network of the file itself: a deployment that runs on this machine is left alone. */
const PROJECT = 'tickcast-e2e';
/** As with podman's own network, that of another clone differs. */
const SUBNET = `10.192.${Number.parseInt(CLONE.slice(0, 2), 16)}.0/24`;

/** The deployment of docker-compose.yml, run by podman-compose. */
export interface Compose {
  /** Of the WebSocket endpoint, through the balancer's port on this machine. */
  readonly wsUrl: string;
  readonly wssUrl: string;
  /** Redis as a publisher on this machine reaches it. */
  readonly redisUrl: string;
  /** `up --detach` with these arguments, from images that are there. */
  up(...args: string[]): Promise<void>;
  /** Removes the containers and networks; the volumes stay. */
  down(): Promise<void>;
  /** A container of its own for one command: what the command prints. */
  run(service: string, args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Another container of a service, beside those that `up` counts. */
  runDetached(service: string, name: string): Promise<void>;
  /** The names of a service's running containers. */
  containers(service: string): Promise<readonly string[]>;
  /** A container's address on a network of the file. */
  address(container: string, network: 'front' | 'back'): Promise<string>;
  /** The name that the file's `volume`, `network` or container has. */
  nameOf(part: string): string;
}

const UP_WITHIN_MS = 600_000;

/**
 * @param command path of podman-compose
 * @param env variables of docker-compose.yml; its ports are free ones
 */
export async function openCompose(podman: Podman, command: string, env: NodeJS.ProcessEnv): Promise<Compose> {
  const [ws, wss, redis] = [await freePort(), await freePort(), await freePort()];
  const environment = {
    ...podman.environment,
    TICKCAST_WS_PORT: String(ws),
    TICKCAST_WSS_PORT: String(wss),
    TICKCAST_REDIS_PORT: String(redis),
    TICKCAST_SUBNET: SUBNET,
    ...env,
  };
  const compose = (args: readonly string[], options?: CommandOptions) =>
    runCommand(command, ['--project-name', PROJECT, '--file', join(ROOT, 'docker-compose.yml'), ...args], {
      env: environment,
      withinMs: UP_WITHIN_MS,
      ...options,
    });
  const nameOf = (part: string) => `${PROJECT}_${part}`;
  return {
    wsUrl: `ws://127.0.0.1:${ws}/api/v1/websocket`,
    wssUrl: `wss://localhost:${wss}/api/v1/websocket`,
    redisUrl: `redis://127.0.0.1:${redis}`,
    nameOf,
    async up(...args) {
      await compose(['up', '--detach', '--no-build', ...args]);
    },
    async down() {
      await compose(['down', '--remove-orphans']);
    },
    run: (service, args, options) =>
      compose(['--profile', 'tools', 'run', '--rm', '-T', '--no-deps', service, ...args], options),
    async runDetached(service, name) {
      await compose(['run', '--detach', '--no-deps', '--name', name, service]);
    },
    async containers(service) {
      const filters = [`label=com.docker.compose.project=${PROJECT}`, `label=com.docker.compose.service=${service}`];
      const names = await podman.run([
        'ps',
        ...filters.flatMap((filter) => ['--filter', filter]),
        '--format',
        '{{.Names}}',
      ]);
      return names.split('\n').filter((name) => name !== '');
    },
    async address(container, network) {
      const networks = JSON.parse(
        await podman.run(['inspect', container, '--format', '{{json .NetworkSettings.Networks}}']),
      ) as Record<string, { IPAddress: string }>;
      const address = networks[nameOf(network)]?.IPAddress;
      if (!address) throw new Error(`${container} has no address on ${nameOf(network)}`);
      return address;
    },
  };
}
