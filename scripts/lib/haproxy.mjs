import { execFileSync } from 'node:child_process';
import { Problem, say } from './repo.mjs';
import { findProgram, installPackages } from './system-packages.mjs';

// With the configuration that it comes with, the package's service listens on no port.
const NAMES = ['haproxy', 'openssl'];
const PACKAGES = { 'apt-get': NAMES, dnf: NAMES, apk: NAMES, brew: ['haproxy'] };

// The oldest that deploy/haproxy/haproxy.cfg is tried with, Debian 12's.
const MINIMUM = [2, 6];

/**
 * For the tests of the balancer: the path of a haproxy that is new enough, and the openssl that makes its certificate. Installs
 * them where the system allows it.
 *
 * @throws {Problem} that says what to do, when there is none
 */
export async function ensureHaproxy() {
  if (areInstalled()) return checked(findProgram('haproxy'));
  say('no haproxy or no openssl found, installing them');
  const { done, advice } = await installPackages(PACKAGES);
  if (done && areInstalled()) return checked(findProgram('haproxy'));
  throw new Problem(`HAProxy 2.6 or newer and openssl are needed for the tests, and one was not found: ${advice}`);
}

const areInstalled = () => NAMES.every((name) => findProgram(name) !== undefined);

function checked(path) {
  const text = execFileSync(path, ['-v'], { encoding: 'utf8' });
  const [, major, minor] = /version (\d+)\.(\d+)/.exec(text)?.map(Number) ?? [];
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return path;
  throw new Problem(
    `${path} is version ${major}.${minor}, and ${MINIMUM.join('.')} or newer is needed: put a newer one first on PATH`,
  );
}
