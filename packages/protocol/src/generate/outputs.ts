import { CATALOGUE } from '../schemas/catalogue.ts';
import { asyncapi } from './asyncapi.ts';
import { validatorsSource, validatorsTypes } from './validators.ts';

function text(json: unknown): string {
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** Everything that is generated and checked in: path inside the package → contents. */
export function outputs(): Map<string, string> {
  const files = new Map([
    ['src/generated/validators.js', validatorsSource()],
    ['src/generated/validators.d.ts', validatorsTypes()],
    ['asyncapi.json', text(asyncapi())],
  ]);
  for (const [name, schema] of CATALOGUE) {
    files.set(`schemas/${name}.json`, text({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }));
  }
  return files;
}
