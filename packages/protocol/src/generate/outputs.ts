import { CATALOGUE } from '../schemas/catalogue.ts';
import { asyncapi } from './asyncapi.ts';
import { pythonFrames } from './python-frames.ts';
import { typescriptFrames } from './typescript-frames.ts';
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
    // The SDKs depend on no package of ours, so what they need of the protocol is written into them.
    ['../client/src/generated/protocol.ts', typescriptFrames()],
    ['../client-python/src/tickcast/_generated.py', pythonFrames()],
  ]);
  for (const [name, schema] of CATALOGUE) {
    files.set(`schemas/${name}.json`, text({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }));
  }
  return files;
}
