/** Holds the rules of what may import what. Reads the sources; runs nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = import.meta.dirname;
const MAX_LINES = 400;

/**
 * Workspaces that each may import. Tests may import the test kit besides, and their own workspace by its name, as its users do;
 * the kit imports none of the product.
 */
const ALLOWED: Record<string, readonly string[]> = {
  'packages/protocol': [],
  'packages/backplane': ['@tickcast/protocol'],
  'packages/jobs': ['@tickcast/protocol', '@tickcast/backplane'],
  'packages/client': [],
  'packages/client-python': [],
  'packages/testing': [],
  'apps/edge': ['@tickcast/protocol', '@tickcast/backplane'],
  'apps/producers': ['@tickcast/protocol', '@tickcast/backplane', '@tickcast/jobs'],
  'apps/cli': ['@tickcast/protocol', '@tickcast/backplane', '@tickcast/jobs', '@tickcast/client'],
  'apps/bench': ['@tickcast/backplane', '@tickcast/testing'],
};

/** Not the product: they start servers, and measure the vendors' packages by themselves. */
const TOOLS = new Set(['packages/testing', 'apps/bench']);

/** The one place in the product where a vendor's package may be imported. */
const OWNERS: Record<string, RegExp> = {
  ioredis: /^packages\/backplane\//,
  'uWebSockets.js': /^apps\/edge\/src\/[^/]+\.ts$/,
  jose: /^apps\/(edge|cli)\//,
  ajv: /^packages\/(protocol\/src\/generate|jobs\/src)\//,
  bullmq: /^(packages\/jobs|apps\/producers)\//,
};

interface Source {
  path: string;
  workspace: string;
  isTest: boolean;
  lines: number;
  text: string;
  imports: string[];
}

const workspaces = ['packages', 'apps'].flatMap(workspacesIn);
const sources = workspaces.flatMap(sourcesOf);

test('there is no workspace without import rules', () => {
  expect(workspaces.toSorted()).toEqual(Object.keys(ALLOWED).toSorted());
});

test('workspaces import only what they may: apps → jobs → backplane → protocol → nothing', () => {
  const wrong = eachImport((source, name) => {
    if (!name.startsWith('@tickcast/')) return false;
    const inTests = ['@tickcast/testing', `@tickcast/${basename(source.workspace)}`];
    const allowed = [...(ALLOWED[source.workspace] ?? []), ...(source.isTest ? inTests : [])];
    return !allowed.includes(packageOf(name));
  });
  expect(wrong).toEqual([]);
});

test('other workspaces are imported by their name alone, never by a path into them', () => {
  const deep = eachImport((source, name) => {
    if (/^@tickcast\/[^/]+\//.test(name)) return true;
    if (!name.startsWith('.')) return false;
    return !join(source.path, '..', name).startsWith(join(source.workspace, sep));
  });
  expect(deep).toEqual([]);
});

test('each vendor has one owner', () => {
  const wrong = eachImport((source, name) => {
    const owner = OWNERS[packageOf(name)];
    return owner !== undefined && !owner.test(source.path) && !source.isTest && !TOOLS.has(source.workspace);
  });
  expect(wrong).toEqual([]);
});

test('uWebSockets.js is imported by one file', () => {
  const importers = sources.filter(
    ({ isTest, workspace, imports }) =>
      !isTest && !TOOLS.has(workspace) && imports.map(packageOf).includes('uWebSockets.js'),
  );
  expect(importers.map(({ path }) => path).length).toBeLessThanOrEqual(1);
});

test('the environment is read in config.ts alone', () => {
  const readers = sources.filter(
    ({ path, isTest, workspace, text }) =>
      /\bprocess\.env\b/.test(text) && !isTest && !TOOLS.has(workspace) && !path.endsWith('/config.ts'),
  );
  expect(readers.map(({ path }) => path)).toEqual([]);
});

test(`no file is longer than ${MAX_LINES} lines, schemas, tables and generated ones excepted`, () => {
  const long = sources.filter(({ path, lines }) => lines > MAX_LINES && !/\/(schemas|generated)\//.test(path));
  expect(long.map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
});

function workspacesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`);
}

function sourcesOf(workspace: string): Source[] {
  return readdirSync(join(ROOT, workspace), { recursive: true, encoding: 'utf8' })
    .map((path) => `${workspace}/${path.split(sep).join('/')}`)
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !/\/(node_modules|dist)\//.test(path))
    .map((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      const isTest = path.endsWith('.test.ts') || path.startsWith(`${workspace}/test/`);
      return { path, workspace, isTest, text, lines: text.split('\n').length - 1, imports: importsOf(text) };
    });
}

function importsOf(text: string): string[] {
  const found = text.matchAll(
    /^\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
  );
  return [...found].map(([, fixed, dynamic]) => fixed ?? dynamic ?? '');
}

/** `ioredis/built/x.js` → `ioredis`, `@a/b/c` → `@a/b`. */
function packageOf(name: string): string {
  return name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
}

function eachImport(isWrong: (source: Source, name: string) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports.filter((name) => isWrong(source, name)).map((name) => `${source.path} imports ${name}`),
  );
}
