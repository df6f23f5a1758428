import { CommandError, runCommand } from '../command.ts';
import { connectClient, type TestClient } from '../client.ts';
import { eventually } from '../eventually.ts';
import { mintToken, TEST_SECRET } from '../tokens.ts';
import { imageName, type Target } from './images.ts';
import type { Podman } from './podman.ts';
import { BASE_IMAGES } from './stand-ins.ts';

/** As strict as Kubernetes' restricted standard and more: nothing can be written, not even to /tmp, and no user is known. */
const STRICT = ['--read-only', '--read-only-tmpfs=false', '--cap-drop=ALL', '--security-opt=no-new-privileges'];
/** In no image's /etc/passwd; group 0 is what OpenShift gives. */
const ANY_USER = '--user=12345:0';

export interface ImageContainer {
  readonly name: string;
  /** A client of an edge, with a token; it ends with the containers. */
  connect(): Promise<TestClient>;
  /** Status and body of a path on the admin port. */
  admin(port: number, path: string): Promise<{ status: number; body: string }>;
  /** Sends the signal to its first process. */
  signal(name: 'TERM' | 'INT' | 'STOP' | 'CONT'): Promise<void>;
  /** @returns the exit code once it has ended. @throws when it runs for longer */
  ended(withinMs: number): Promise<number>;
  /** Stdout and stderr so far. */
  logs(): Promise<string>;
  /** Runs the image's HEALTHCHECK once. @returns what podman holds of it after that: starting, healthy or unhealthy */
  checkHealth(): Promise<string>;
}

/** Containers of single images beside a Redis, all of them gone after `end`. */
export interface ImageContainers {
  start(target: Target, env?: Record<string, string>): Promise<ImageContainer>;
  /** Runs one to its end. @returns its output. @throws {CommandError} */
  run(target: Target, args: readonly string[], options?: readonly string[]): Promise<string>;
  /** Runs a program of Node.js inside the image, as an ES module. @returns what it printed */
  inspect(target: Target, program: string): Promise<string>;
  end(): Promise<void>;
}

export async function startImageContainers(podman: Podman): Promise<ImageContainers> {
  const started: string[] = [];
  const clients: TestClient[] = [];
  const startAny = async (args: readonly string[]): Promise<string> => {
    const name = await podman.run(['run', '--detach', ...args]);
    started.push(name);
    return name;
  };
  const redis = await addressOf(podman, await startAny([BASE_IMAGES.redis, 'redis-server', '--save', '']));
  const environment = (extra: Record<string, string> = {}): string[] => {
    const env = { TICKCAST_REDIS_URL: `redis://${redis}:6379`, TICKCAST_AUTH_SECRET: TEST_SECRET, ...extra };
    return Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  };
  return {
    async start(target, env) {
      const name = await startAny([...STRICT, ANY_USER, ...environment(env), imageName(target)]);
      return describe(podman, name, clients);
    },
    run: (target, args, options = [ANY_USER]) =>
      podman.run(['run', '--rm', ...STRICT, ...environment(), ...options, imageName(target), ...args]),
    inspect: (target, program) => {
      const args = [imageName(target), '--input-type=module', '--eval', program];
      return podman.run(['run', '--rm', ...STRICT, ANY_USER, '--entrypoint=node', ...args]);
    },
    async end() {
      for (const { socket } of clients) socket.terminate();
      if (started.length > 0) await podman.run(['rm', '--force', '--time=0', '--volumes', ...started]);
    },
  };
}

async function describe(podman: Podman, name: string, clients: TestClient[]): Promise<ImageContainer> {
  const address = await addressOf(podman, name);
  const stateOf = (field: string) => podman.run(['inspect', '--format', `{{.State.${field}}}`, name]);
  return {
    name,
    async connect() {
      const client = await connectClient(`ws://${address}:8001/api/v1/websocket`, { token: await mintToken() });
      clients.push(client);
      return client;
    },
    async admin(port, path) {
      const response = await fetch(`http://${address}:${port}${path}`, { headers: { connection: 'close' } });
      return { status: response.status, body: await response.text() };
    },
    async signal(signal) {
      await podman.run(['kill', `--signal=${signal}`, name]);
    },
    async ended(withinMs) {
      await eventually(async () => (await stateOf('Status')) === 'exited', { withinMs });
      return Number(await stateOf('ExitCode'));
    },
    logs: () => runCommand('sh', ['-c', 'exec podman logs "$0" 2>&1', name], { env: podman.environment }),
    async checkHealth() {
      await podman.run(['healthcheck', 'run', name]).catch((error: unknown) => {
        // Exit code 1: it ran, and said no.
        if (!(error instanceof CommandError) || error.exitCode !== 1) throw error;
      });
      return stateOf('Health.Status');
    },
  };
}

async function addressOf(podman: Podman, name: string): Promise<string> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
  return podman.run(['inspect', '--format', format, name]);
}
