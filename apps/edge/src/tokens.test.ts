import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { type JWTPayload, SignJWT } from 'jose';
import type { TokenKey } from './config.ts';
import { createTokenCheck } from './tokens.ts';

const SECRET = 'a secret for tests of 32 bytes!!';
const KEY = new TextEncoder().encode(SECRET);
const NOW = Math.floor(Date.now() / 1000);
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

function checkWith(tokenKey: TokenKey, required: { issuer?: string; audience?: string } = {}) {
  return createTokenCheck({
    tokenKey,
    tokenIssuer: required.issuer ?? null,
    tokenAudience: required.audience ?? null,
  });
}

const check = checkWith({ kind: 'secret', secret: SECRET });

function sign(payload: JWTPayload, key: Parameters<SignJWT['sign']>[0] = KEY, alg = 'HS256'): Promise<string> {
  return new SignJWT({ sub: 'desk', exp: NOW + 60, ...payload }).setProtectedHeader({ alg }).sign(key);
}

test('a good token tells its bearer, what it allows and when it ends', async () => {
  const identity = await check(await sign({ channels: ['alerts'] }));
  expect(identity).toMatchObject({ sub: 'desk', expiresAt: NOW + 60 });
  expect(identity.claim.allows('alerts', null)).toBe(true);
  expect(identity.claim.allows('agent_status', null)).toBe(false);
});

test('a token without sub is one of nobody in particular', async () => {
  const token = await new SignJWT({ exp: NOW + 60 }).setProtectedHeader({ alg: 'HS256' }).sign(KEY);
  await expect(check(token)).resolves.toMatchObject({ sub: '' });
});

test('a token that ended within the last seconds still counts: clocks differ', async () => {
  await expect(check(await sign({ exp: inSeconds(-1) }))).resolves.toMatchObject({ sub: 'desk' });
});

describe('refused is a token', () => {
  test.each<[string, JWTPayload]>([
    ['that has ended', { exp: NOW - 60 }],
    ['that is not valid yet', { nbf: NOW + 60 }],
    ['whose sub is too long', { sub: 'x'.repeat(257) }],
    ['with a malformed channels claim', { channels: ['orders'] }],
    ['whose channels claim is no list', { channels: 'alerts' }],
  ])('%s', async (_, payload) => {
    await expect(check(await sign(payload))).rejects.toMatchObject({ code: 'authentication_failed' });
  });

  test('without exp', async () => {
    const token = await new SignJWT({ sub: 'desk' }).setProtectedHeader({ alg: 'HS256' }).sign(KEY);
    await expect(check(token)).rejects.toMatchObject({ code: 'authentication_failed' });
  });

  test('signed with another secret, or with another algorithm than HS256', async () => {
    const others = [
      await sign({}, new TextEncoder().encode(SECRET.toUpperCase())),
      await sign({}, Buffer.concat([KEY, KEY]), 'HS512'),
    ];
    for (const token of others) await expect(check(token)).rejects.toMatchObject({ code: 'authentication_failed' });
  });

  test.each(['', 'x', 'a.b.c', '..', `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`])(
    'that is none: %j',
    async (token) => {
      await expect(check(token)).rejects.toMatchObject({ code: 'authentication_failed' });
    },
  );

  test('without the issuer or audience that is asked for', async () => {
    const strict = checkWith({ kind: 'secret', secret: SECRET }, { issuer: 'desk-idp', audience: 'tickcast' });
    await expect(strict(await sign({ iss: 'desk-idp', aud: 'tickcast' }))).resolves.toBeDefined();
    for (const payload of [{}, { iss: 'desk-idp' }, { iss: 'desk-idp', aud: 'other' }, { aud: 'tickcast' }]) {
      await expect(strict(await sign(payload))).rejects.toMatchObject({ code: 'authentication_failed' });
    }
  });
});

test('a public key is never taken for a secret', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const checkPem = checkWith({ kind: 'public', key: publicKey, algorithms: ['EdDSA'] });
  await expect(checkPem(await sign({}, privateKey, 'EdDSA'))).resolves.toMatchObject({ sub: 'desk' });
  await expect(checkPem(await sign({}, Buffer.from(pem)))).rejects.toMatchObject({ code: 'authentication_failed' });
});
