import { Ajv2020 } from 'ajv/dist/2020.js';
import standalone from 'ajv/dist/standalone/index.js';
import type { TSchema } from 'typebox';
import { CLIENT_SCHEMAS } from '../schemas/client.ts';
import { PUBLISHED_SCHEMAS } from '../schemas/push.ts';

const HEADER = '// Generated from src/schemas by `npm run generate`. Do not edit.\n';

// JSON Schema counts code points. ajv takes its counter from a CommonJS module, which would tie the generated code to
// ajv and to Node; the same count stands in the code instead.
const REQUIRED_COUNTER = 'require("ajv/dist/runtime/ucs2length").default';
const COUNTER = 'function codePoints(text){let n=0;for(const _ of text)n++;return n}\n';

function validated(): Record<string, TSchema> {
  const all: Record<string, TSchema> = {};
  for (const [type, schema] of Object.entries(CLIENT_SCHEMAS)) all[type] = schema;
  for (const [channel, schema] of Object.entries(PUBLISHED_SCHEMAS)) all[`published_${channel}`] = schema;
  return all;
}

const ANNOTATIONS: ReadonlySet<string> = new Set(['title', 'description', 'examples']);

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The schema without what only people read, so that it is not carried into the code. */
function bare(schema: TSchema): { $id: string } {
  return JSON.parse(
    JSON.stringify(schema, (key, value: unknown) =>
      isMap(value) && key !== 'properties'
        ? Object.fromEntries(Object.entries(value).filter(([name]) => !ANNOTATIONS.has(name)))
        : value,
    ),
  ) as { $id: string };
}

/** The source of the validators of everything that comes in: client messages and published frames. */
export function validatorsSource(): string {
  const schemas = Object.entries(validated()).map(([name, schema]) => [name, bare(schema)] as const);
  const ajv = new Ajv2020({
    schemas: schemas.map(([, schema]) => schema),
    code: { source: true, esm: true, lines: true },
    allErrors: false,
  });
  const exported = Object.fromEntries(schemas.map(([name, schema]) => [name, schema.$id]));
  const code = standalone.default(ajv, exported).replaceAll(REQUIRED_COUNTER, 'codePoints');
  if (code.includes('require(')) throw new Error('the generated validators must not require anything');
  return HEADER + COUNTER + code;
}

function pascal(name: string): string {
  return name.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The declarations beside {@link validatorsSource}: each validator narrows to the type of its schema. */
export function validatorsTypes(): string {
  const client = Object.keys(CLIENT_SCHEMAS);
  const published = Object.keys(PUBLISHED_SCHEMAS).map((channel) => `published_${channel}`);
  return [
    HEADER,
    `import type { ${client.map(pascal).join(', ')} } from '../schemas/client.ts';`,
    `import type { ${published.map(pascal).join(', ')} } from '../schemas/push.ts';`,
    '',
    '/** One thing that is wrong with a value. */',
    'export interface ValidationError {',
    '  readonly instancePath: string;',
    '  readonly keyword: string;',
    '  readonly params: Readonly<Record<string, unknown>>;',
    '  readonly message?: string;',
    '}',
    '',
    '/** Answers whether the value is valid; when it is not, `errors` says why until the next call. */',
    'export interface Validator<T> {',
    '  (value: unknown): value is T;',
    '  errors?: readonly ValidationError[] | null;',
    '}',
    '',
    ...[...client, ...published].map((name) => `export declare const ${name}: Validator<${pascal(name)}>;`),
    '',
  ].join('\n');
}
