import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '@tickcast/testing';

/** The folder of the Python package. */
export const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/**
 * The interpreter that `npm test` prepares.
 *
 * @throws when it did not start the tests
 */
export function interpreter(path: string | undefined): string {
  if (path === undefined) throw new Error('no Python environment: run the tests by `npm test`, which makes it');
  return path;
}

/** The environment of a program that imports the package from its source. */
export function sourceEnvironment(extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return cleanEnvironment({ PYTHONPATH: `${PACKAGE}/src`, PYTHONUTF8: '1', PYTHONDONTWRITEBYTECODE: '1', ...extra });
}
