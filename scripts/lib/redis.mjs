import { execFileSync } from 'node:child_process';
import { Problem, say } from './repo.mjs';
import { findProgram, installPackages } from './system-packages.mjs';

const PACKAGES = { 'apt-get': ['redis-server'], dnf: ['valkey'], apk: ['valkey', 'valkey-cli'], brew: ['redis'] };

// Functions came with Redis 7.0; the first Valkey is 7.2.
const MINIMUM_MAJOR = 7;

/**
 * The path of a redis-server or valkey-server that is new enough; installs one where the system allows it.
 *
 * @throws {Problem} that says what to do, when there is none
 */
export async function ensureRedisServer() {
  const found = findProgram('redis-server', 'valkey-server');
  if (found !== undefined) return checked(found);
  say('no redis-server or valkey-server found, installing one');
  const { done, advice } = await installPackages(PACKAGES);
  const installed = findProgram('redis-server', 'valkey-server');
  if (done && installed !== undefined) return checked(installed);
  throw new Problem(
    `Redis 7.0 or newer, or Valkey 7.2 or newer, is needed and none was found: ${advice}; ` +
      'for `npm start` a running one will do as well: TICKCAST_REDIS_URL=redis://HOST:6379 npm start',
  );
}

function checked(path) {
  const text = execFileSync(path, ['--version'], { encoding: 'utf8' });
  const version = /v=(\d+)\.(\S+)/.exec(text);
  if (version === null || Number(version[1]) >= MINIMUM_MAJOR) return path;
  throw new Problem(
    `${path} is version ${version[1]}.${version[2]}, and Redis 7.0 or newer, or Valkey 7.2 or newer, is needed: ` +
      'put a newer one first on PATH',
  );
}
