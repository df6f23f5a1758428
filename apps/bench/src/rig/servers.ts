import { fileURLToPath } from 'node:url';
import { cleanEnvironment, startEdge, startProcess, TEST_SECRET } from '@tickcast/testing';
import type { PublishKind, ServerKind } from '../types.ts';
import { pin } from './pinning.ts';

export interface ServerOptions {
  redisUrl: string;
  /** `TICKCAST_*` and `NODE_OPTIONS`. */
  env?: NodeJS.ProcessEnv;
}

export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  lines(): string[];
  signal(name: NodeJS.Signals): void;
  kill(): Promise<unknown>;
}

/** How events are published that this server's clients get. */
export const PUBLISHED_BY: Record<ServerKind, PublishKind> = {
  tickcast: 'function',
  floor: 'plain',
  ws: 'plain',
  'socket-io': 'emitter',
  bare: 'plain',
};

/** Starts a server under test, alone on its core. */
export async function startServer(kind: ServerKind, options: ServerOptions): Promise<RunningServer> {
  const server = kind === 'tickcast' ? await startOurs(options) : await startOther(kind, options);
  pin(server.pid, 'server');
  return server;
}

async function startOurs({ redisUrl, env = {} }: ServerOptions): Promise<RunningServer> {
  const edge = await startEdge({ redisUrl, env });
  return {
    pid: edge.pid,
    port: edge.port,
    lines: () => edge.logs(),
    signal: (name) => edge.signal(name),
    kill: () => edge.kill(),
  };
}

async function startOther(
  kind: Exclude<ServerKind, 'tickcast'>,
  { redisUrl, env = {} }: ServerOptions,
): Promise<RunningServer> {
  const program = fileURLToPath(new URL(`../servers/${kind}.js`, import.meta.url));
  const settings = { BENCH_PORT: '0', BENCH_REDIS_URL: redisUrl, BENCH_SECRET: TEST_SECRET };
  const child = await startProcess(process.execPath, [program], { env: cleanEnvironment({ ...env, ...settings }) });
  const { port } = JSON.parse(await child.waitForLine(/^\{"port":/, 20_000)) as { port: number };
  return {
    pid: child.pid,
    port,
    lines: () => child.lines(),
    signal: (name) => child.signal(name),
    kill: () => child.kill(),
  };
}
