import type { KeyObject } from 'node:crypto';

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const EC = new Map([
  ['prime256v1', 'ES256'],
  ['secp384r1', 'ES384'],
  ['secp521r1', 'ES512'],
]);
const EDWARDS = ['EdDSA', 'Ed25519'];

/** Every algorithm with a public key. */
export const ASYMMETRIC: readonly string[] = [...RSA, ...EC.values(), ...EDWARDS];

/**
 * The algorithms that a public key may check.
 * @throws Error when it is of a kind that no JWT here is signed with
 */
export function algorithmsFor(key: KeyObject): readonly string[] {
  if (key.asymmetricKeyType === 'rsa') return RSA;
  if (key.asymmetricKeyType === 'ed25519') return EDWARDS;
  const curve = EC.get(key.asymmetricKeyDetails?.namedCurve ?? '');
  if (key.asymmetricKeyType === 'ec' && curve) return [curve];
  throw new Error(`a key of type ${key.asymmetricKeyType}, use RSA, EC (P-256, P-384, P-521) or Ed25519`);
}
