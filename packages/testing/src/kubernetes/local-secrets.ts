import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A value that make-secrets.sh of the overlay `local` has written.
 *
 * @param manifests the folder of the copy of k8s/ it was called in
 * @throws when the file does not have the key
 */
export function secretIn(manifests: string, file: string, key: string): string {
  const text = readFileSync(join(manifests, 'overlays/local/secrets', file), 'utf8');
  const [, value] = new RegExp(`^${key}=(.*)$`, 'm').exec(text) ?? [];
  if (value === undefined) throw new Error(`${file} has no ${key}`);
  return value;
}
