import { execFileSync } from 'node:child_process';
import { Problem, say } from './repo.mjs';
import { findProgram, installPackages } from './system-packages.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
// Where macOS keeps it, which is not on PATH.
const APPLICATION = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
const PACKAGES = {
  'apt-get': ['chromium'],
  dnf: ['chromium'],
  apk: ['chromium'],
  brew: ['--cask', 'google-chrome'],
};
const ANSWERS_WITHIN_MS = 30_000;

/**
 * For the tests of the browser client: the path of a Chromium or Chrome that runs here, `TICKCAST_TEST_CHROMIUM` before all
 * others. Installs one where the system allows it.
 *
 * @throws {Problem} that says what to do, when there is none
 */
export async function ensureChromium() {
  const wanted = process.env.TICKCAST_TEST_CHROMIUM;
  if (wanted) {
    if (runs(wanted)) return wanted;
    throw new Problem(
      `TICKCAST_TEST_CHROMIUM names ${wanted}, which does not run: name a Chromium or Chrome, or unset it`,
    );
  }
  const found = usable();
  if (found !== undefined) return found;
  say('no Chromium or Chrome found, installing one');
  const { done, advice } = await installPackages(PACKAGES);
  const installed = done ? usable() : undefined;
  if (installed !== undefined) return installed;
  throw new Problem(
    `Chromium or Chrome is needed for the tests of the browser client: ${advice}, or name one in TICKCAST_TEST_CHROMIUM`,
  );
}

/** Ubuntu has a `chromium-browser` that only says where the real one may be got. */
function usable() {
  return [...NAMES.map((name) => findProgram(name)), APPLICATION].find((path) => path !== undefined && runs(path));
}

function runs(path) {
  try {
    const text = execFileSync(path, ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: ANSWERS_WITHIN_MS,
    });
    return /chrom/i.test(text);
  } catch {
    return false;
  }
}
