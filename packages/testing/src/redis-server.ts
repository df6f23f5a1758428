import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { guardPath } from './guardian.ts';
import { freePort } from './ports.ts';
import { cleanEnvironment, startProcess, type ManagedProcess } from './processes.ts';
import { findProgram } from './programs.ts';

export interface RedisOptions {
  /** A free one when absent. */
  port?: number;
  /** More arguments of redis-server, e.g. `['--maxmemory', '1mb']`. */
  args?: readonly string[];
}

/** A private redis-server (or valkey-server) on 127.0.0.1 that writes nothing to disk unless told to. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Of the process now running; another one after `restart`. */
  readonly pid: number;
  /** Where it keeps what its `args` have it keep. */
  readonly directory: string;
  /** SIGTERM and wait. Data is lost. */
  stop(): Promise<void>;
  /** SIGKILL and wait. Data is lost. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Starts it again on its port (ending it first if it runs): with the data of this moment, Functions too, or empty. */
  restart(options: { keepData: boolean }): Promise<void>;
  /** Starts it again on its port after it ended, with what its directory holds. */
  start(): Promise<void>;
  /** Runs redis-cli and answers its output without the last line break. @throws with the server's error as the message */
  cli(...args: string[]): Promise<string>;
}

const run = promisify(execFile);
const ADVICE = 'install Redis 7.0 or newer, or Valkey 7.2 or newer';

/**
 * Starts a Redis for tests.
 *
 * @throws when neither redis-server nor valkey-server is on PATH, or it does not get ready
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const program = findProgram(['redis-server', 'valkey-server'], ADVICE);
  const client = findProgram(['redis-cli', 'valkey-cli'], ADVICE);
  const directory = mkdtempSync(join(tmpdir(), 'tickcast-redis-'));
  guardPath(directory);
  const args = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', directory, ...(options.args ?? [])];
  const first = await listen(program, args, options.port);
  const { port } = first;
  let { server } = first;

  const cli = async (...words: string[]): Promise<string> => {
    // -e: an error reply ends it with status 1 and goes to stderr.
    const started = run(client, ['-e', '-p', String(port), ...words], { env: cleanEnvironment(), timeout: 10_000 });
    const { stdout } = await started.catch((error: Error & { stderr?: string }) => {
      throw new Error(error.stderr?.trim() || error.message, { cause: error });
    });
    return stdout.replace(/\n$/, '');
  };

  const end = async (how: 'stop' | 'kill'): Promise<void> => {
    await server[how]();
  };

  const start = async (): Promise<void> => {
    ({ server } = await listen(program, args, port));
  };

  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    directory,
    get pid() {
      return server.pid;
    },
    stop: () => end('stop'),
    kill: () => end('kill'),
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    async restart({ keepData }) {
      if (keepData && server.running) await cli('SAVE');
      await end('kill');
      if (!keepData) rmSync(join(directory, 'dump.rdb'), { force: true });
      await start();
    },
    start,
    cli,
  };
}

async function listen(
  program: string,
  args: readonly string[],
  wanted: number | undefined,
): Promise<{ port: number; server: ManagedProcess }> {
  for (;;) {
    const port = wanted ?? (await freePort());
    const server = await startProcess(program, ['--port', String(port), ...args], { env: cleanEnvironment() });
    try {
      await server.waitForLine(/Ready to accept connections/);
      return { port, server };
    } catch (error) {
      await server.kill();
      const taken = server.lines().some((line) => line.includes('Address already in use'));
      if (wanted !== undefined || !taken) throw error;
    }
  }
}
