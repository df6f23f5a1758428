import { validatorsSource, validatorsTypes } from './validators.ts';

/** Everything that is generated and checked in: path inside the package → contents. */
export function outputs(): Map<string, string> {
  return new Map([
    ['src/generated/validators.js', validatorsSource()],
    ['src/generated/validators.d.ts', validatorsTypes()],
  ]);
}
