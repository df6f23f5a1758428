import { fileURLToPath } from 'node:url';
import { cleanEnvironment, type ManagedProcess, startProcess } from '@tickcast/testing';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface WorkerProcess {
  readonly agentId: string;
  readonly process: ManagedProcess;
  /** Of the admin port, without a slash at the end. */
  readonly adminUrl: string;
}

interface WorkerProcessOptions {
  redisUrl: string;
  agentId: string;
  /** Comma list; all of them when absent. */
  roles?: string;
  /** More `TICKCAST_*` variables. */
  env?: NodeJS.ProcessEnv;
  /** The words of a feed. */
  words?: readonly string[];
}

/** Starts a real worker on a free admin port. Resolves when it runs, with or without Redis. */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const { redisUrl, agentId, roles, env, words = [] } = options;
  const child = await startProcess(process.execPath, [MAIN, ...words], {
    env: cleanEnvironment({
      TICKCAST_HOST: '127.0.0.1',
      TICKCAST_PRODUCERS_ADMIN_PORT: '0',
      TICKCAST_REDIS_URL: redisUrl,
      TICKCAST_AGENT_ID: agentId,
      ...(roles === undefined ? {} : { TICKCAST_ROLES: roles }),
      ...env,
    }),
  });
  // How soon is no promise: several start at once, on machines that others use.
  const line = await child.waitForLine(/"the worker runs"/, 40_000);
  const { adminPort } = JSON.parse(line) as { adminPort: number };
  return { agentId, process: child, adminUrl: `http://127.0.0.1:${adminPort}` };
}
