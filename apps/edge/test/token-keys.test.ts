/** Public keys, from a PEM file and from a JWKS: which algorithms count, and how often the key server is asked. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  type RedisServer,
  type TokenOptions,
  connectClient,
  mintToken,
  startEdge,
  startRedis,
} from '@tickcast/testing';
import { type JWK, exportJWK } from 'jose';
import { type KeyServer, startKeyServer } from './support/key-server.ts';
import { freshSub } from './support/single-edge.ts';

const REFUSED = 'authentication_failed 4401';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed = generateKeyPairSync('ed25519');
const pemOf = (key: typeof rsa.publicKey) => key.export({ type: 'spki', format: 'pem' }).toString();
const jwkOf = async (key: typeof rsa.publicKey, kid: string): Promise<JWK> => ({ ...(await exportJWK(key)), kid });

let redis: RedisServer;
let folder: string;
const keyServers: KeyServer[] = [];

beforeAll(async () => {
  redis = await startRedis();
  folder = mkdtempSync(join(tmpdir(), 'tickcast-keys-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  for (const server of keyServers) server.close();
});

async function edgeWithKey(key: typeof rsa.publicKey): Promise<string> {
  const file = join(folder, `${key.asymmetricKeyType}.pem`);
  writeFileSync(file, pemOf(key));
  return urlOfEdge({ TICKCAST_AUTH_PUBLIC_KEY_FILE: file });
}

async function edgeWithKeyServer(...keys: JWK[]): Promise<{ url: string; keyServer: KeyServer }> {
  const keyServer = await startKeyServer(keys);
  keyServers.push(keyServer);
  return { keyServer, url: await urlOfEdge({ TICKCAST_AUTH_JWKS_URL: keyServer.url }) };
}

async function urlOfEdge(env: NodeJS.ProcessEnv): Promise<string> {
  const edge = await startEdge({ redisUrl: redis.url, env: { TICKCAST_AUTH_SECRET: undefined, ...env } });
  return edge.url;
}

/** What a client with such a token gets to see: `welcome`, or the code of the error and that of the close behind it. */
async function outcomeOf(url: string, options: TokenOptions): Promise<string> {
  const client = await connectClient(url, { token: await mintToken({ sub: freshSub(), ...options }) });
  client.send({ type: 'hello' });
  const { type, error } = await client.next(() => true);
  if (type !== 'error') {
    await client.close();
    return type;
  }
  const { code } = await client.closed;
  return `${String(error)} ${code}`;
}

describe('with a public key from a file', () => {
  test('an edge accepts the algorithms of an RSA key and nothing else', async () => {
    const url = await edgeWithKey(rsa.publicKey);
    expect(await outcomeOf(url, { alg: 'RS256', secret: rsa.privateKey })).toBe('welcome');
    expect(await outcomeOf(url, { alg: 'PS512', secret: rsa.privateKey })).toBe('welcome');
    expect(await outcomeOf(url, { alg: 'none' })).toBe(REFUSED);
    expect(await outcomeOf(url, { alg: 'RS256', secret: otherRsa.privateKey })).toBe(REFUSED);
    expect(await outcomeOf(url, { alg: 'ES256', secret: ec.privateKey })).toBe(REFUSED);
    // The attack of RFC 8725, section 2.1: the public key, known to all, used as a shared secret.
    const pem = pemOf(rsa.publicKey);
    for (const secret of [pem, pem.trim()]) {
      expect(await outcomeOf(url, { alg: 'HS256', secret })).toBe(REFUSED);
    }
  });

  test.each([
    ['ES256', ec],
    ['EdDSA', ed],
  ] as const)('an edge accepts %s where the key is of that kind', async (alg, pair) => {
    const url = await edgeWithKey(pair.publicKey);
    expect(await outcomeOf(url, { alg, secret: pair.privateKey })).toBe('welcome');
    expect(await outcomeOf(url, { alg: 'RS256', secret: rsa.privateKey })).toBe(REFUSED);
    expect(await outcomeOf(url, { alg: 'HS256', secret: pemOf(pair.publicKey) })).toBe(REFUSED);
  });
});

test('with a shared secret an edge accepts no token of a public key', async () => {
  const { url } = await startEdge({ redisUrl: redis.url });
  expect(await outcomeOf(url, { alg: 'RS256', secret: rsa.privateKey })).toBe(REFUSED);
  expect(await outcomeOf(url, { alg: 'EdDSA', secret: ed.privateKey })).toBe(REFUSED);
});

describe('with a JWKS', () => {
  test('an edge finds the key by its id and asks for the set only once, however many unknown ids come', async () => {
    const keys = [await jwkOf(rsa.publicKey, 'rsa-1'), await jwkOf(ed.publicKey, 'ed-1')];
    const { url, keyServer } = await edgeWithKeyServer(...keys);
    expect(await outcomeOf(url, { alg: 'RS256', secret: rsa.privateKey, kid: 'rsa-1' })).toBe('welcome');
    expect(await outcomeOf(url, { alg: 'EdDSA', secret: ed.privateKey, kid: 'ed-1' })).toBe('welcome');
    const unknown = Array.from({ length: 20 }, (_, index) =>
      outcomeOf(url, { alg: 'RS256', secret: rsa.privateKey, kid: `unknown-${index}` }),
    );
    expect(new Set(await Promise.all(unknown))).toEqual(new Set([REFUSED]));
    expect(await outcomeOf(url, { alg: 'RS256', secret: otherRsa.privateKey, kid: 'rsa-1' })).toBe(REFUSED);
    expect(keyServer.requests).toBe(1);
  });

  test('an edge accepts no shared secret, not even one the set holds', async () => {
    const secret = 'a-secret-in-the-wrong-place-0123456789abcdef';
    const k = Buffer.from(secret).toString('base64url');
    const { url } = await edgeWithKeyServer({ kty: 'oct', k, kid: 'oct-1', alg: 'HS256' });
    expect(await outcomeOf(url, { alg: 'HS256', secret, kid: 'oct-1' })).toBe(REFUSED);
    expect(await outcomeOf(url, { alg: 'none' })).toBe(REFUSED);
  });

  test('a key server that fails is not the fault of the token: 1013, and later the same token is good', async () => {
    const { url, keyServer } = await edgeWithKeyServer(await jwkOf(ec.publicKey, 'ec-1'));
    const options = { alg: 'ES256', secret: ec.privateKey, kid: 'ec-1' };
    keyServer.answerWith(500);
    expect(await outcomeOf(url, options)).toBe('backplane_unavailable 1013');
    keyServer.answerWith(200);
    expect(await outcomeOf(url, options)).toBe('welcome');
  });
});
