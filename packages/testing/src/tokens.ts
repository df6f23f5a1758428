import { SignJWT, UnsecuredJWT, type CryptoKey, type KeyObject } from 'jose';

/** The `TICKCAST_AUTH_SECRET` of every edge that the kit starts. */
export const TEST_SECRET = 'a-secret-for-tests-only-0123456789abcdef';

export interface TokenOptions {
  /** `tester` when absent. */
  sub?: string;
  /** The `channels` claim; left out when absent, which means all. */
  channels?: unknown;
  /** 3600 when absent; negative for an expired token. */
  ttlSeconds?: number;
  /** Laid over the other claims; a claim that is `undefined` is taken away. */
  claims?: Record<string, unknown>;
  /** Shared secret or private key; the kit's secret when absent. */
  secret?: string | Uint8Array | CryptoKey | KeyObject;
  /** `HS256` when absent; `none` makes an unsigned token. */
  alg?: string;
  /** The header's key id. */
  kid?: string;
}

/** A JWT such as the edges accept, or, with other options, such as they must refuse. */
export async function mintToken(options: TokenOptions = {}): Promise<string> {
  const { sub = 'tester', ttlSeconds = 3600, secret = TEST_SECRET, alg = 'HS256', kid } = options;
  const now = Math.floor(Date.now() / 1000);
  const claims: Record<string, unknown> = { sub, iat: now, exp: now + ttlSeconds };
  if (options.channels !== undefined) claims['channels'] = options.channels;
  Object.assign(claims, options.claims);
  if (alg === 'none') return new UnsecuredJWT(claims).encode();
  const key = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret;
  return new SignJWT(claims).setProtectedHeader(kid === undefined ? { alg } : { alg, kid }).sign(key);
}
