import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '@tickcast/testing';

export const CLI = fileURLToPath(new URL('../bin/tickcast.js', import.meta.url));

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `tickcast` to its end, with `TICKCAST_*` set to just these. */
export function runCli(args: string[], env: NodeJS.ProcessEnv = {}, cwd = '/'): Promise<CliResult> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { env: cleanEnvironment(env), cwd, timeout: 20_000 }, (...results) => {
      const [error, stdout, stderr] = results;
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
}
