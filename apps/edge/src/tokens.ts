import { type KeyObject, webcrypto } from 'node:crypto';
import { type Claim, parseChannelsClaim } from '@tickcast/protocol';
import { type JWTPayload, type JWTVerifyGetKey, type JWTVerifyOptions, createRemoteJWKSet, jwtVerify } from 'jose';
import type { EdgeConfig, TokenKey } from './config.ts';
import { ASYMMETRIC } from './token-algorithms.ts';

const CLOCK_TOLERANCE_SECONDS = 5;
/** Faults of the key server, not of the token: the client is asked to come back, not to get another token. */
const KEY_SERVER_FAULTS = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);

/** What a token says about its bearer. */
export interface Identity {
  /** `sub`; empty for a token without one. */
  sub: string;
  claim: Claim;
  /** `exp`, Unix seconds. */
  expiresAt: number;
  /** When its connection ends: at `exp`, or for one that came within the tolerance after it, at the end of that. */
  endsAt: number;
}

export class TokenRejectedError extends Error {
  static readonly code = 'authentication_failed';
  readonly code = TokenRejectedError.code;
}

export class KeysUnavailableError extends Error {
  static readonly code = 'keys_unavailable';
  readonly code = KeysUnavailableError.code;
}

/**
 * @throws TokenRejectedError when the token is bad, with the reason for the log (never for the client)
 * @throws KeysUnavailableError when the JWKS could not be fetched
 */
export type CheckToken = (token: string) => Promise<Identity>;

interface Verification {
  key: KeyObject | JWTVerifyGetKey;
  /** Pinned by the kind of key, so that a public key can never be used as an HS256 secret (RFC 8725, section 2.1). */
  algorithms: string[];
}

function verificationWith(tokenKey: TokenKey): Verification {
  switch (tokenKey.kind) {
    case 'secret':
      return { key: hmacKey(tokenKey.secret), algorithms: ['HS256'] };
    case 'public':
      return { key: tokenKey.key, algorithms: [...tokenKey.algorithms] };
    case 'jwks':
      // The cool-down keeps tokens with unknown key ids from making this node fetch without end.
      return {
        key: createRemoteJWKSet(tokenKey.url, { cooldownDuration: 30_000, timeoutDuration: 5000 }),
        algorithms: [...ASYMMETRIC],
      };
  }
}

/** Imported once: jose would do so for each token. */
function hmacKey(secret: string): JWTVerifyGetKey {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const imported = webcrypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, ['verify']);
  return () => imported;
}

function identityOf(payload: JWTPayload): Identity {
  const { sub = '', exp } = payload;
  if (typeof exp !== 'number') throw new TokenRejectedError('the token has no exp');
  if (typeof sub !== 'string' || sub.length > 256) throw new TokenRejectedError('sub is not a string of up to 256');
  const now = Date.now() / 1000;
  const claim = parseChannelsClaim(payload['channels']);
  if (claim === null) throw new TokenRejectedError('the channels claim is malformed');
  return { sub, claim, expiresAt: exp, endsAt: exp > now ? exp : exp + CLOCK_TOLERANCE_SECONDS };
}

function isKeyServerFault(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return true;
  return KEY_SERVER_FAULTS.has(code) || !code.startsWith('ERR_J');
}

/** Makes the check of tokens that the configuration asks for. */
export function createTokenCheck(config: Pick<EdgeConfig, 'tokenKey' | 'tokenIssuer' | 'tokenAudience'>): CheckToken {
  const { key, algorithms } = verificationWith(config.tokenKey);
  const options: JWTVerifyOptions = {
    algorithms,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['exp'],
    ...(config.tokenIssuer === null ? {} : { issuer: config.tokenIssuer }),
    ...(config.tokenAudience === null ? {} : { audience: config.tokenAudience }),
  };
  return async (token) => {
    try {
      const { payload } =
        typeof key === 'function' ? await jwtVerify(token, key, options) : await jwtVerify(token, key, options);
      return identityOf(payload);
    } catch (error) {
      if (error instanceof TokenRejectedError) throw error;
      if (config.tokenKey.kind === 'jwks' && isKeyServerFault(error)) {
        throw new KeysUnavailableError('the JWKS could not be fetched', { cause: error });
      }
      throw new TokenRejectedError((error as Error).message, { cause: error });
    }
  };
}
