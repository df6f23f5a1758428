import { CLIENT_FRAMES, CLIENT_TABLES, type Node } from './client-frames.ts';

const HEADER = '// Generated from packages/protocol by `npm run generate`. Do not edit.\n';

/** The module of `@tickcast/client` that says what a server sends: a type for each frame, and the tables a client needs. */
export function typescriptFrames(): string {
  const { keyFields, errorCodes, clientErrorCodes, closeActions, key, hongKongSuffix, hongKongPrefix } = CLIENT_TABLES;
  const pushes = CLIENT_FRAMES.filter(({ isPush }) => isPush);
  return [
    HEADER,
    ...CLIENT_FRAMES.map(
      ({ name, schema }) => `${comment(schema.description)}export interface ${name} ${typeOf(schema)}\n`,
    ),
    '/** The pushes, by channel. */',
    `export interface PushOf {`,
    ...pushes.map(({ name, schema }) => `  ${String(schema.properties?.['type']?.const)}: ${name};`),
    '}\n',
    'export type Channel = keyof PushOf;',
    'export type Push = PushOf[Channel];\n',
    '/** The codes of the errors that a server sends. */',
    `export type ServerErrorCode = ${union(errorCodes)};\n`,
    '/** The codes of the errors that a client finds by itself. */',
    `export type ClientErrorCode = ${union(clientErrorCodes)};\n`,
    '/** What a client does after a close. */',
    `export type CloseAction = 'at_once' | 'backoff' | 'new_token' | 'never';\n`,
    '/** The field of a push that holds the key of its stream. */',
    `export const KEY_FIELDS: { readonly [C in Channel]: 'symbol' | 'agent_id' | 'backtest_id' | null } = ${JSON.stringify(keyFields)};\n`,
    '/** By close code; after any other, `backoff`. */',
    `export const CLOSE_ACTIONS: Readonly<Record<number, CloseAction>> = ${JSON.stringify(closeActions)};\n`,
    `export const KEY = /${key}/;`,
    `export const HONG_KONG_SUFFIX = /${hongKongSuffix}/;`,
    `export const HONG_KONG_PREFIX = /${hongKongPrefix}/;`,
    '',
  ].join('\n');
}

function typeOf(node: Node, indent = ''): string {
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum) return union(node.enum);
  if (node.anyOf) return node.anyOf.map((option) => typeOf(option, indent)).join(' | ');
  if (node.type === 'array') return `Array<${typeOf(node.items ?? {}, indent)}>`;
  if (node.type === 'integer') return 'number';
  if (node.type !== 'object') return node.type ?? 'unknown';
  const inner = `${indent}  `;
  const fields = Object.entries(node.properties ?? {}).map(([name, field]) => {
    const mark = node.required?.includes(name) ? '' : '?';
    return `${comment(field.description, inner)}${inner}${name}${mark}: ${typeOf(field, inner)};\n`;
  });
  return `{\n${fields.join('')}${indent}}`;
}

function union(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(' | ');
}

function comment(text: string | undefined, indent = ''): string {
  return text === undefined ? '' : `${indent}/** ${text} */\n`;
}
