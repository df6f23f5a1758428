import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { CATALOGUE, CLIENT_CATALOGUE, PUBLISHED_CATALOGUE, SERVER_CATALOGUE } from '../schemas/catalogue.ts';
import { asyncapi } from './asyncapi.ts';
import { outputs } from './outputs.ts';

const root = new URL('../../', import.meta.url);

test.each(Array.from(outputs()))('%s is what the schemas say; if not, run `npm run generate`', (path, contents) => {
  expect(readFileSync(new URL(path, root), 'utf8') === contents).toBe(true);
});

test('there is no schema file that nothing generates', () => {
  const files = readdirSync(new URL('schemas/', root)).map((name) => `schemas/${name}`);
  expect(files.filter((path) => !outputs().has(path))).toEqual([]);
});

test('the generated validators need no other module', () => {
  const source = outputs().get('src/generated/validators.js');
  expect(source).not.toMatch(/\brequire\(|\bimport\b/);
});

test('every schema is valid and accepts its examples', () => {
  const ajv = new Ajv2020();
  for (const [name, schema] of CATALOGUE) {
    const valid = ajv.compile(schema);
    for (const example of schema.examples ?? []) {
      expect({ name, valid: valid(example), errors: valid.errors }).toEqual({ name, valid: true, errors: null });
    }
  }
});

test('every message is documented with a title, a description and an example', () => {
  for (const schema of [...CLIENT_CATALOGUE.values(), ...SERVER_CATALOGUE.values(), ...PUBLISHED_CATALOGUE.values()]) {
    expect(schema.title).not.toBe('');
    expect(schema.description).not.toBe('');
    expect(schema.examples?.length).toBeGreaterThan(0);
  }
});

test('every reference in the AsyncAPI document leads somewhere', () => {
  const document = asyncapi();
  const resolve = (reference: string) =>
    reference
      .slice(2)
      .split('/')
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document);
  const references = JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g);
  const broken = Array.from(references, (match) => match[1] ?? '').filter((path) => resolve(path) === undefined);
  expect(broken).toEqual([]);
});
