import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { must, Problem, say, statePath } from './repo.mjs';
import { findProgram, installPackages } from './system-packages.mjs';

const PACKAGES = {
  'apt-get': ['kubernetes-client'],
  dnf: ['kubernetes-client'],
  apk: ['kustomize'],
  brew: ['kustomize'],
};

// kubectl has had kustomize 5, which the manifests are written for, from 1.27 on.
const MINIMUM_KUBECTL = [1, 27];
const MINIMUM_KUSTOMIZE = [5, 0];

// Asks for Go 1.22, so that it also builds where Go is not the newest.
const KUSTOMIZE = 'sigs.k8s.io/kustomize/kustomize/v5@v5.7.1';

/**
 * The path of a kubectl or kustomize that renders the manifests of k8s/: one that is there, else kustomize built with Go
 * into `.tickcast/bin`, else what the system's package manager has.
 *
 * @throws {Problem} that says what to do, when there is none
 */
export async function ensureKustomize() {
  const found = newEnough();
  if (found !== undefined) return found;
  const built = statePath('bin', 'kustomize');
  if (existsSync(built)) return built;
  if (findProgram('go') !== undefined) {
    await build(built);
    return built;
  }
  say('neither kubectl, kustomize nor go found, installing one');
  const { advice } = await installPackages(PACKAGES);
  const installed = newEnough();
  if (installed !== undefined) return installed;
  throw new Problem(
    `kubectl ${MINIMUM_KUBECTL.join('.')} or newer, or kustomize ${MINIMUM_KUSTOMIZE.join('.')} or newer, is needed to test the ` +
      `manifests of k8s/: put one on PATH, or put Go there, with which one is built; on newer systems also: ${advice}`,
  );
}

async function build(path) {
  say(`building ${KUSTOMIZE}, once`);
  await must('kustomize could not be built; put kubectl or kustomize on PATH instead', 'go', ['install', KUSTOMIZE], {
    quiet: true,
    env: { GOBIN: dirname(path), CGO_ENABLED: '0' },
  });
}

function newEnough() {
  const kubectl = findProgram('kubectl');
  if (isAtLeast(MINIMUM_KUBECTL, kubectl, ['version', '--client', '--output=json'])) return kubectl;
  const kustomize = findProgram('kustomize');
  return isAtLeast(MINIMUM_KUSTOMIZE, kustomize, ['version']) ? kustomize : undefined;
}

/** Both programs print their own version first. One that can't be run counts as too old. */
function isAtLeast([major, minor], program, args) {
  if (program === undefined) return false;
  try {
    const text = execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const [, ownMajor, ownMinor] = /\bv(\d+)\.(\d+)/.exec(text) ?? [];
    return Number(ownMajor) > major || (Number(ownMajor) === major && Number(ownMinor) >= minor);
  } catch {
    return false;
  }
}
