import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top folder. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A path under `.tickcast/`, where all that the scripts leave behind is kept; its folder is made. */
export function statePath(...parts) {
  const path = join(ROOT, '.tickcast', ...parts);
  mkdirSync(join(path, '..'), { recursive: true });
  return path;
}

/** A problem whose message says all there is to say: printed without a stack. */
export class Problem extends Error {}

/** One line on what is going on. */
export function say(line) {
  console.log(`tickcast: ${line}`);
}

/**
 * Runs a program and waits for it.
 *
 * @param {{ cwd?: string, env?: Record<string, string>, quiet?: boolean }} options `cwd` is the repository's top folder when
 *   absent; `quiet` keeps its output back unless it fails
 * @returns {Promise<number>} its exit code (1 when a signal ended it)
 * @throws {Problem} when it can't be started
 */
export function run(command, args, { cwd = ROOT, env = {}, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    });
    const output = [];
    child.stdout?.on('data', (chunk) => output.push(chunk));
    child.stderr?.on('data', (chunk) => output.push(chunk));
    child.once('error', (error) => reject(new Problem(`${command} can't be started: ${error.message}`)));
    child.once('close', (code) => {
      if (code !== 0) process.stderr.write(Buffer.concat(output));
      resolve(code ?? 1);
    });
  });
}

/** As `run`, for steps without which the rest makes no sense. @throws {Problem} saying `whatFailed` */
export async function must(whatFailed, command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) throw new Problem(`${whatFailed} (${command} ${args.join(' ')}: exit code ${code})`);
}

/** Runs a script's body: a `Problem` is printed as one line, anything else with its stack; either exits 1. */
export async function main(body) {
  try {
    process.exitCode = await body();
  } catch (error) {
    console.error(error instanceof Problem ? `tickcast: ${error.message}` : error);
    process.exitCode = 1;
  }
}
