import {
  type FieldRule,
  FRAME_RULES,
  MAX_FRAME_BYTES,
  MAX_FRAME_DEPTH,
  SERVER_FIELDS,
  TERMINAL_STATUSES,
} from '@tickcast/protocol';
import { luaSource } from './lua-source.ts';

/**
 * Rises with every change of the library's text, which a test holds it to: an edge installs its own over an older one
 * only.
 */
export const FUNCTION_VERSION = 3;

/** The library `tickcast` as `FUNCTION LOAD` takes it: the rules of the protocol, then the texts of `lua/`. */
export function functionLibrary(): string {
  const publishing = luaSource('stream-names', 'frame-check', 'numbering', 'alert-log', 'publish');
  const reading = luaSource('open', 'replay', 'positions');
  const leading = luaSource('lease', 'publish-held', 'agents');
  return `#!lua name=tickcast\n\n${rulesTable()}\n${publishing}\n${reading}\n${leading}`;
}

function rulesTable(): string {
  const rules = Object.entries(FRAME_RULES).map(([channel, { keyField, required, optional }]) => {
    const key = keyField === null ? '' : ` key_field = ${quote(keyField)},`;
    return `  ${channel} = {${key} required = ${fieldsTable(required)}, optional = ${fieldsTable(optional)} },`;
  });
  return [
    '-- Generated from the schemas of @tickcast/protocol.',
    `local FUNCTION_VERSION = ${FUNCTION_VERSION}`,
    `local MAX_FRAME_BYTES = ${MAX_FRAME_BYTES}`,
    `local MAX_FRAME_DEPTH = ${MAX_FRAME_DEPTH}`,
    `local SERVER_FIELDS = { ${SERVER_FIELDS.map(quote).join(', ')} }`,
    `local TERMINAL = { ${TERMINAL_STATUSES.map((status) => `[${quote(status)}] = true`).join(', ')} }`,
    'local RULES = {',
    ...rules,
    '}',
    '',
  ].join('\n');
}

function fieldsTable(fields: Readonly<Record<string, FieldRule>>): string {
  const entries = Object.entries(fields).map(([name, rule]) => {
    const bounds = rule.type === 'string' ? { min: rule.min, max: rule.max } : {};
    const parts = Object.entries(bounds).flatMap(([bound, value]) =>
      value === undefined ? [] : [`, ${bound} = ${value}`],
    );
    return `[${quote(name)}] = { type = ${quote(rule.type)}${parts.join('')} }`;
  });
  return `{ ${entries.join(', ')} }`;
}

/** Names of fields and statuses, which are plain words: what JSON quotes, Lua reads the same. */
function quote(word: string): string {
  return JSON.stringify(word);
}
