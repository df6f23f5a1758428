import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandError } from './failures.ts';

/** Where things are, from the environment or else from a running `npm start`. Undefined where neither says it. */
export interface Settings {
  redisUrl: string;
  redisPrefix: string;
  authSecret: string | undefined;
  url: string;
  token: string | undefined;
  /** Whether somebody said where Redis is, or an edge; else it is looked for at its default place. */
  isRedisNamed: boolean;
  isUrlNamed: boolean;
}

const SESSION_FILE = join('.tickcast', 'dev.json');

/**
 * Reads `TICKCAST_REDIS_URL`, `TICKCAST_REDIS_PREFIX`, `TICKCAST_AUTH_SECRET` or `TICKCAST_AUTH_SECRET_FILE`, `TICKCAST_URL`
 * and `TICKCAST_TOKEN`. What is not set comes from the `npm start` that runs in this folder or one above it, else from the
 * edge's own defaults.
 *
 * @throws CommandError when a URL in it is no URL of its kind, or the file can't be read
 */
export function readSettings(env: NodeJS.ProcessEnv = process.env, folder = process.cwd()): Settings {
  const session = findSession(folder);
  const value = (name: string): string | undefined => env[name] || undefined;
  const prefix = value('TICKCAST_REDIS_PREFIX') ?? session['redisPrefix'] ?? 'tickcast:';
  const redisUrl = value('TICKCAST_REDIS_URL') ?? session['redisUrl'];
  const url = value('TICKCAST_URL') ?? session['url'];
  return {
    redisUrl: checkUrl('TICKCAST_REDIS_URL', ['redis:', 'rediss:'], redisUrl ?? 'redis://127.0.0.1:6379'),
    redisPrefix: prefix.replace(/:?$/, ':'),
    authSecret: value('TICKCAST_AUTH_SECRET') ?? readSecret(value('TICKCAST_AUTH_SECRET_FILE')) ?? session['secret'],
    url: url ?? 'ws://localhost:8001/api/v1/websocket',
    token: value('TICKCAST_TOKEN'),
    isRedisNamed: redisUrl !== undefined,
    isUrlNamed: url !== undefined,
  };
}

/** @throws CommandError when `url` is not a URL with one of these protocols (each with its colon) */
export function checkUrl(name: string, protocols: readonly string[], url: string): string {
  if (URL.canParse(url) && protocols.includes(new URL(url).protocol)) return url;
  throw new CommandError(`${name} must be a URL that begins with ${protocols.map((p) => `${p}//`).join(' or ')}`);
}

/** Where the edge is, by `--url` or else the settings; it speaks English. @throws CommandError when that is no URL of one */
export function edgeUrl(settings: Settings, values: { url?: string | undefined }): URL {
  const url = new URL(checkUrl('the URL of the edge', ['ws:', 'wss:'], values.url ?? settings.url));
  url.searchParams.set('lang', 'en');
  return url;
}

/** As an edge reads it: without the newline at its end. */
function readSecret(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new CommandError(`TICKCAST_AUTH_SECRET_FILE can't be read: ${(error as Error).message}`);
  }
}

/** The string fields of `.tickcast/dev.json` in this folder or one above it, if the `npm start` that wrote it runs. */
function findSession(folder: string): Record<string, string | undefined> {
  const session = readSession(join(folder, SESSION_FILE));
  if (session !== undefined) return session;
  const parent = dirname(folder);
  return parent === folder ? {} : findSession(parent);
}

function readSession(path: string): Record<string, string> | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const fields = Object.entries(content ?? {});
    // A session that was cut down may have left its file; signal 0 only asks whether the process exists.
    process.kill(Number(fields.find(([name]) => name === 'pid')?.[1]), 0);
    return Object.fromEntries(fields.filter(([, field]) => typeof field === 'string'));
  } catch {
    return undefined;
  }
}
