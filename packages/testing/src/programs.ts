import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

// Where servers are installed that a user's PATH often leaves out.
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/opt/homebrew/sbin'];

/**
 * The path of the first of these programs that is installed.
 *
 * @throws when there is none; the message ends with `advice`
 */
export function findProgram(names: readonly string[], advice: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...MORE_FOLDERS];
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  if (found === undefined) throw new Error(`none of ${names.join(', ')} is on PATH: ${advice}`);
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
