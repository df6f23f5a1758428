import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Problem, statePath } from './repo.mjs';

/** What the `tickcast` command falls back to while `npm start` runs. */
export const SESSION_FILE = statePath('dev.json');

const TOKEN_SECONDS = 24 * 3600;

/** @throws {Problem} when another `npm start` of this checkout is running */
export function refuseSecondSession() {
  const pid = runningSession();
  if (pid !== undefined) throw new Problem(`npm start is already running here (process ${pid}): end that one first`);
}

/** Writes the file for this process's session, readable by its owner only. */
export function writeSession(session) {
  rmSync(SESSION_FILE, { force: true });
  writeFileSync(SESSION_FILE, `${JSON.stringify({ pid: process.pid, ...session }, null, 2)}\n`, { mode: 0o600 });
}

export function removeSession() {
  rmSync(SESSION_FILE, { force: true });
}

/** A secret for tokens, for this session only. */
export function randomSecret() {
  return randomBytes(32).toString('base64url');
}

/** An HS256 token (RFC 7519) that may subscribe to everything for a day. */
export function mintToken(secret) {
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'developer', iat: now, exp: now + TOKEN_SECONDS })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

function part(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function runningSession() {
  try {
    const { pid } = JSON.parse(readFileSync(SESSION_FILE, 'utf8'));
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}
