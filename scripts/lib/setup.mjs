import { statSync } from 'node:fs';
import { join } from 'node:path';
import { must, Problem, ROOT, say } from './repo.mjs';

const MINIMUM = [20, 19];

/** @throws {Problem} when this Node.js is too old for the project */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return;
  throw new Problem(`Node.js ${MINIMUM.join('.')} or newer is needed, this is ${process.versions.node}`);
}

/** `npm ci` when node_modules is missing or older than the lockfile. */
export async function ensureInstalled() {
  const installed = modified(join(ROOT, 'node_modules', '.package-lock.json'));
  if (installed >= modified(join(ROOT, 'package-lock.json'))) return;
  say('installing what package-lock.json pins (npm ci)');
  await must('the packages could not be installed', 'npm', ['ci', '--no-audit', '--no-fund', '--fetch-retries=5'], {
    quiet: true,
  });
}

/** Builds every workspace that changed. */
export async function build() {
  say('building');
  await must('the build failed', tool('turbo'), ['run', 'build', '--output-logs=errors-only'], {
    quiet: true,
    env: { TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' },
  });
}

/** The path of a program that came with the packages. */
export function tool(name) {
  return join(ROOT, 'node_modules', '.bin', name);
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
