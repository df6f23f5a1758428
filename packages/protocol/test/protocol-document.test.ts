import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { CHANNELS } from '../src/channels.ts';
import { CLOSES } from '../src/closes.ts';
import { ERRORS } from '../src/errors.ts';
import { FRAME_RULES } from '../src/frame-rules.ts';
import { DEFAULT_LIMITS, MAX_CLAIM_ENTRIES, MAX_FRAME_BYTES, MAX_FRAME_DEPTH, MAX_SYMBOLS } from '../src/limits.ts';
import { REASONS } from '../src/reasons.ts';
import { CLIENT_CATALOGUE, SERVER_CATALOGUE } from '../src/schemas/catalogue.ts';
import { SERVER_FIELDS } from '../src/schemas/push.ts';

const document = readFileSync(new URL('../PROTOCOL.md', import.meta.url), 'utf8');

/** The rows under the table heading that begins with these columns; cells that are all code lose their marks. */
function table(...columns: string[]): string[][] {
  const rows = document.split('\n').map((line) =>
    line.startsWith('|')
      ? line
          .slice(1, line.lastIndexOf('|'))
          .split('|')
          .map((cell) => cell.trim())
      : null,
  );
  const start = rows.findIndex((row) => row !== null && columns.every((name, index) => row[index] === name));
  if (start < 0) throw new Error(`no table with the columns ${columns.join(', ')}`);
  const end = rows.findIndex((row, index) => index > start && row === null);
  return rows.slice(start + 2, end).map((row) => (row ?? []).map((cell) => cell.replace(/^`([^`]*)`$/, '$1')));
}

test('the table of errors is the one in the code', () => {
  const documented = table('code', 'Chinese', 'English', 'then').map((row) => row.slice(0, 3));
  expect(documented).toEqual(Object.entries(ERRORS).map(([code, { zh, en }]) => [code, zh, en]));
});

test('the table of more exact texts is the one in the code, each under a known error', () => {
  const start = document.indexOf('More exact texts');
  const documented = document
    .slice(start, document.indexOf('\n## ', start))
    .matchAll(/^\| `(\w+)` *\| `([^`]+)` *\| `([^`]+)` *\|$/gm);
  const rows = Array.from(documented, ([, code = '', zh, en]) => ({ code, zh, en }));
  expect(rows.map(({ zh, en }) => ({ zh, en }))).toEqual(Object.values(REASONS));
  for (const { code } of rows) expect(Object.keys(ERRORS)).toContain(code);
});

test('the table of closes is the one in the code', () => {
  const expected = Object.entries(CLOSES).map(([code, { reason, why, clientDoes, seat }]) => [
    code,
    reason,
    why,
    clientDoes,
    seat.replace('_', ' '),
  ]);
  expect(table('code', 'text', 'why')).toEqual(expected);
});

test('the limits are those in the code', () => {
  const limits = table('limit', 'default').map((row) => [row[3], Number(row[1])]);
  expect(Object.fromEntries(limits)).toEqual(DEFAULT_LIMITS);
  expect(table('fixed limit', 'value').map((row) => Number(row[1]))).toEqual([
    MAX_FRAME_BYTES,
    MAX_FRAME_DEPTH,
    MAX_SYMBOLS,
    MAX_CLAIM_ENTRIES,
  ]);
});

function codes(cell = ''): string[] {
  return Array.from(cell.matchAll(/`(\w+)`/g), ([, name = '']) => name).toSorted();
}

test('the fields that a published frame must and may have are those in the code', () => {
  const documented = table('`type`', 'required in `data`').map((row) => [row[0], codes(row[1]), codes(row[2])]);
  const expected = CHANNELS.map((channel) => {
    const { required, optional } = FRAME_RULES[channel];
    return [channel, Object.keys(required).toSorted(), Object.keys(optional).toSorted()];
  });
  expect(documented).toEqual(expected);
});

test('the fields that the server adds are all named', () => {
  expect(document).toContain(
    `none of the fields that the server adds: ${SERVER_FIELDS.map((f) => `\`${f}\``).join(', ')}.`,
  );
});

describe('the examples', () => {
  const ajv = new Ajv2020();
  const known = [...CLIENT_CATALOGUE, ...SERVER_CATALOGUE].map(([name, schema]) => ({
    name,
    valid: ajv.compile(schema),
  }));
  const examples = Array.from(document.matchAll(/```json\n(.*?)```/gs), ([, text = '']) => JSON.parse(text) as unknown);

  test('are each a message of the protocol', () => {
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples)
      expect([example, known.some(({ valid }) => valid(example))]).toEqual([example, true]);
  });

  test('show every message that there is', () => {
    const missing = known.filter(({ valid }) => !examples.some((example) => valid(example)));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });
});
