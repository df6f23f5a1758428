import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, readConfig } from './config.ts';

const SECRET = 'a secret for tests of 32 bytes!!';

const read = (env: NodeJS.ProcessEnv) => readConfig({ TICKCAST_AUTH_SECRET: SECRET, ...env });

/** What is wrong with an environment. */
function problemsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('a secret is all that must be set; the rest has the defaults of the contract', () => {
  expect(read({})).toMatchObject({
    host: '0.0.0.0',
    port: 8001,
    adminPort: 9001,
    redisUrl: 'redis://127.0.0.1:6379',
    redisPrefix: 'tickcast:',
    tokenKey: { kind: 'secret', secret: SECRET },
    tokenIssuer: null,
    tokenAudience: null,
    allowQueryToken: false,
    maxConnections: 1000,
    maxMessagesPerSecond: 100,
    maxSubscriptions: 50,
    idleTimeoutMs: 30_000,
    marketDataMaxRate: 10,
    maxMessageBytes: 16_384,
    maxBufferedBytes: 1_048_576,
    drainMs: 30_000,
    lobbySize: 128,
    maxPending: 2048,
    seatTtlMs: 15_000,
    allowedOrigins: null,
    trustedProxies: [],
    logLevel: 'info',
  });
});

test('a variable that is set to nothing counts as not set', () => {
  expect(read({ TICKCAST_PORT: '', TICKCAST_ALLOWED_ORIGINS: '' })).toEqual(read({}));
});

test('all problems are told at once, each with the name of its variable', () => {
  const problems = problemsOf({
    TICKCAST_PORT: '80x',
    TICKCAST_MAX_CONNECTIONS: '0',
    TICKCAST_REDIS_URL: 'localhost',
    TICKCAST_LOG_LEVEL: 'loud',
  });
  expect(problems).toHaveLength(5);
  for (const name of ['PORT', 'MAX_CONNECTIONS', 'REDIS_URL', 'LOG_LEVEL', 'AUTH_SECRET']) {
    expect(problems.join('\n')).toContain(`TICKCAST_${name}`);
  }
});

describe('the key to check tokens with', () => {
  const jwks = { TICKCAST_AUTH_JWKS_URL: 'https://keys.example.com/jwks.json' };

  test('is required', () => {
    expect(problemsOf({})).toEqual([expect.stringContaining('exactly one')]);
  });

  test('is one alone', () => {
    expect(problemsOf({ TICKCAST_AUTH_SECRET: SECRET, ...jwks })).toEqual([expect.stringContaining('exactly one')]);
  });

  test('has at least 32 bytes when it is a secret', () => {
    expect(problemsOf({ TICKCAST_AUTH_SECRET: SECRET.slice(1) })).toEqual([expect.stringContaining('32 bytes')]);
  });

  test('may be a secret in a file, whose last newline is not part of it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tickcast-config-'));
    try {
      const file = join(folder, 'secret');
      const env = { TICKCAST_AUTH_SECRET_FILE: file };
      expect(problemsOf(env)).toEqual([expect.stringMatching(/TICKCAST_AUTH_SECRET_FILE can't be read/)]);
      writeFileSync(file, `${SECRET.slice(1)}\n`);
      expect(problemsOf(env)).toEqual(['TICKCAST_AUTH_SECRET_FILE must have at least 32 bytes']);
      for (const ending of ['', '\n', '\r\n']) {
        writeFileSync(file, SECRET + ending);
        expect(readConfig(env).tokenKey).toEqual({ kind: 'secret', secret: SECRET });
      }
      expect(problemsOf({ ...env, TICKCAST_AUTH_SECRET: SECRET })).toEqual([expect.stringContaining('exactly one')]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('may be a JWKS', () => {
    expect(readConfig(jwks).tokenKey).toEqual({ kind: 'jwks', url: new URL(jwks.TICKCAST_AUTH_JWKS_URL) });
  });

  test('in a JWKS at something that is no URL is one problem, not two', () => {
    expect(problemsOf({ TICKCAST_AUTH_JWKS_URL: 'nope' })).toEqual([expect.stringContaining('TICKCAST_AUTH_JWKS_URL')]);
  });

  test('may be a PEM file with a public key that JWTs are signed for', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tickcast-config-'));
    try {
      const file = join(folder, 'key.pem');
      const problems = [expect.stringContaining('TICKCAST_AUTH_PUBLIC_KEY_FILE is no PEM file')];
      expect(problemsOf({ TICKCAST_AUTH_PUBLIC_KEY_FILE: file })).toEqual(problems);
      writeFileSync(file, 'the key');
      expect(problemsOf({ TICKCAST_AUTH_PUBLIC_KEY_FILE: file })).toEqual(problems);
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
      expect(readConfig({ TICKCAST_AUTH_PUBLIC_KEY_FILE: file }).tokenKey).toMatchObject({ algorithms: ['ES256'] });
      writeFileSync(file, generateKeyPairSync('x25519').publicKey.export({ type: 'spki', format: 'pem' }));
      expect(problemsOf({ TICKCAST_AUTH_PUBLIC_KEY_FILE: file })).toEqual([expect.stringContaining('x25519')]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test.each([['desk'], ['desk:']])('the prefix %s is desk:', (prefix) => {
  expect(read({ TICKCAST_REDIS_PREFIX: prefix }).redisPrefix).toBe('desk:');
});

test.each([
  ['TICKCAST_REDIS_PREFIX', '{desk}'],
  ['TICKCAST_REDIS_PREFIX', ':'],
  ['TICKCAST_PORT', '65536'],
  ['TICKCAST_PORT', '-1'],
  ['TICKCAST_PORT', '1e3'],
  ['TICKCAST_IDLE_TIMEOUT_SECONDS', '30s'],
  ['TICKCAST_AUTH_QUERY_TOKEN', 'true'],
  ['TICKCAST_ALLOWED_ORIGINS', 'desk.example.com'],
  ['TICKCAST_ALLOWED_ORIGINS', 'https://desk.example.com/'],
  ['TICKCAST_TRUSTED_PROXIES', '10.0.0.0/33'],
  ['TICKCAST_TRUSTED_PROXIES', '10.0.0.0/8, proxy'],
  ['TICKCAST_REDIS_URL', 'http://127.0.0.1'],
])('%s=%s is refused', (name, value) => {
  expect(problemsOf({ TICKCAST_AUTH_SECRET: SECRET, [name]: value })).toEqual([expect.stringContaining(name)]);
});

test('times are given in seconds, fractions too', () => {
  expect(read({ TICKCAST_IDLE_TIMEOUT_SECONDS: '1.5', TICKCAST_DRAIN_SECONDS: '0' })).toMatchObject({
    idleTimeoutMs: 1500,
    drainMs: 0,
  });
});

test('lists are split at commas', () => {
  expect(
    read({
      TICKCAST_ALLOWED_ORIGINS: 'https://a.example.com, https://b.example.com:8443,',
      TICKCAST_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    }),
  ).toMatchObject({
    allowedOrigins: ['https://a.example.com', 'https://b.example.com:8443'],
    trustedProxies: ['10.0.0.0/8', '::1'],
  });
});
