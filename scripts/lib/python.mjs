import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must, Problem, run, say, statePath } from './repo.mjs';
import { findProgram, installPackages } from './system-packages.mjs';

const PACKAGES = {
  'apt-get': ['python3', 'python3-venv'],
  dnf: ['python3'],
  apk: ['python3'],
  brew: ['python'],
};

/** For a package index that answers late, or not at the first time. */
const PATIENCE = ['--retries', '10', '--timeout', '60'];

/**
 * A virtual environment under `.tickcast/` with these requirements, kept between runs and made anew when they change.
 *
 * @param {string} name of its folder
 * @param {string[]} requirements as in a requirements file
 * @returns {Promise<string>} the path of its interpreter
 * @throws {Problem} that says what to do
 */
export async function ensureVenv(name, requirements) {
  const folder = statePath(name);
  const python = join(folder, 'bin', 'python');
  const stamp = join(folder, 'installed-requirements.txt');
  const wanted = requirements.join('\n');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && (await works(python))) return python;
  say(`making a Python environment with ${requirements.join(', ')}`);
  rmSync(folder, { recursive: true, force: true });
  await must('the Python environment could not be made', await pythonWithVenv(), ['-m', 'venv', folder], {
    quiet: true,
  });
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PATIENCE, ...requirements];
  await must('the Python packages for the tests could not be installed', python, install, { quiet: true });
  writeFileSync(stamp, wanted);
  return python;
}

async function pythonWithVenv() {
  const found = await usable();
  if (found !== undefined) return found;
  say('no Python 3 with venv found, installing one');
  const { done, advice } = await installPackages(PACKAGES);
  const installed = done ? await usable() : undefined;
  if (installed !== undefined) return installed;
  throw new Problem(`Python 3.9 or newer with venv and pip is needed for the tests: ${advice}`);
}

/** Debian ships python3 without what `venv` needs, so that having the program says little. */
async function usable() {
  const python = findProgram('python3');
  return python !== undefined && (await works(python, 'import ensurepip, venv')) ? python : undefined;
}

async function works(python, program = 'import websockets, redis') {
  if (!existsSync(python)) return false;
  return (await run('/bin/sh', ['-c', `exec "$0" -c "$1" 2>/dev/null`, python, program], { quiet: true })) === 0;
}
