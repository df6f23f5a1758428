import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';
import { freePort } from './ports.ts';
import { cleanEnvironment, startProcess, type Exit, type ManagedProcess } from './processes.ts';
import { TEST_SECRET } from './tokens.ts';

export interface EdgeOptions {
  redisUrl: string;
  /** `TICKCAST_*` variables over the kit's own (test secret, free ports); `undefined` takes one away. */
  env?: NodeJS.ProcessEnv;
  /** Resolve only when `/readyz` answers 200; true when absent. False resolves as soon as the process runs. */
  awaitReady?: boolean;
}

/** A real edge node in its own process. */
export interface EdgeProcess {
  /** Of the WebSocket endpoint: `ws://<host>:<port>/api/v1/websocket`, the host being 127.0.0.1 unless `env` names one. */
  readonly url: string;
  readonly port: number;
  /** Of the admin port, without a slash at the end: `http://<host>:<port>`. */
  readonly adminUrl: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  /** SIGTERM and wait; SIGKILL after 40 s. */
  stop(): Promise<Exit>;
  /** SIGKILL and wait. */
  kill(): Promise<Exit>;
  signal(name: NodeJS.Signals): void;
  /** SIGSTOP: its sockets stay open and it does nothing. */
  pause(): void;
  resume(): void;
  /** Its log so far, a line each. */
  logs(): string[];
  /** GET on the admin port. */
  admin(path: string): Promise<{ status: number; body: string }>;
}

const MAIN = fileURLToPath(new URL('../../../apps/edge/dist/main.js', import.meta.url));
const ATTEMPTS = 5;

/**
 * Starts an edge, on free ports unless `env` names some.
 *
 * @throws when it ends before it is ready, or is not ready within 30 s; the message carries its log
 */
export async function startEdge(options: EdgeOptions): Promise<EdgeProcess> {
  for (let attempt = 1; ; attempt++) {
    const port = options.env?.['TICKCAST_PORT'] ?? String(await freePort());
    const adminPort = options.env?.['TICKCAST_ADMIN_PORT'] ?? String(await freePort());
    const env = cleanEnvironment({
      TICKCAST_HOST: '127.0.0.1',
      TICKCAST_REDIS_URL: options.redisUrl,
      TICKCAST_AUTH_SECRET: TEST_SECRET,
      ...options.env,
      TICKCAST_PORT: port,
      TICKCAST_ADMIN_PORT: adminPort,
    });
    const child = await startProcess(process.execPath, [MAIN], { env });
    const edge = describe(child, options.env?.['TICKCAST_HOST'] ?? '127.0.0.1', Number(port), Number(adminPort));
    if (options.awaitReady === false) return edge;
    try {
      await untilReady(edge, child);
      return edge;
    } catch (error) {
      await child.kill();
      const taken = child.lines().some((line) => line.includes('EADDRINUSE'));
      if (!taken || attempt === ATTEMPTS) throw error;
    }
  }
}

function describe(child: ManagedProcess, host: string, port: number, adminPort: number): EdgeProcess {
  const adminUrl = `http://${host}:${adminPort}`;
  return {
    url: `ws://${host}:${port}/api/v1/websocket`,
    port,
    adminUrl,
    pid: child.pid,
    exited: child.exited,
    stop: () => child.stop(40_000),
    kill: () => child.kill(),
    signal: (name) => child.signal(name),
    pause: () => child.signal('SIGSTOP'),
    resume: () => child.signal('SIGCONT'),
    logs: () => child.lines(),
    async admin(path) {
      const response = await fetch(adminUrl + path, { headers: { connection: 'close' } });
      return { status: response.status, body: await response.text() };
    },
  };
}

function untilReady(edge: EdgeProcess, child: ManagedProcess): Promise<void> {
  return eventually(
    async () => {
      const { status, body } = await edge
        .admin('/readyz')
        .catch((error: Error) => ({ status: 0, body: String(error) }));
      if (status !== 200) throw new Error(`/readyz says ${status} ${body}; its log:\n${edge.logs().join('\n')}`);
    },
    { withinMs: 30_000, giveUp: () => !child.running },
  );
}
