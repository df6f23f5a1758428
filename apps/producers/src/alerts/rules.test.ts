import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { RulesFile } from './rules-schema.ts';
import { covers, parseRules, readRules, symbolsOf } from './rules.ts';

const RULES = join(import.meta.dirname, '../../rules');

const parse = (...rules: unknown[]) => parseRules(JSON.stringify({ rules }));
const memory = { name: 'memory', type: 'agent_memory', percent: 80 };

function problemsOf(...rules: unknown[]): string[] {
  try {
    parse(...rules);
  } catch (error) {
    return (error as Error).message.split('\n').map((line) => line.replace('  - ', ''));
  }
  return [];
}

test('the default rules are good, and watch the ten symbols of the simulated feed', () => {
  const rules = readRules(join(RULES, 'default-rules.json'));
  expect(rules.map(({ watched }) => watched.type).toSorted()).toEqual([
    'agent_memory',
    'agent_stopped',
    'cluster_near_cap',
    'dead_letters',
    'failed_job',
    'price_move',
    'queue_depth',
    'stale_feed',
  ]);
  expect(symbolsOf(rules)).toHaveLength(10);
});

test('what a rule leaves out is what the documentation says', () => {
  expect(parse(memory)).toEqual([
    {
      name: 'memory',
      level: 'warning',
      message: null,
      source: 'monitoring',
      cooldownSeconds: 300,
      forSeconds: 0,
      watched: { type: 'agent_memory', percent: 80 },
    },
  ]);
  const defaults = parse(
    { name: 'a', type: 'failed_job' },
    { name: 'b', type: 'dead_letters' },
    { name: 'c', type: 'stale_feed', symbols: ['0700.HK'], seconds: 9 },
  ).map(({ watched }) => watched);
  expect(defaults).toMatchObject([{ count: 1, windowSeconds: 300 }, { jobs: 0 }, { hours: 'always' }]);
});

test('symbols may be written in any spelling, and are one symbol then', () => {
  const symbols = ['700.hk', 'HK.00700', '0005.HK'];
  const [rule] = parse({ name: 'quiet', type: 'stale_feed', symbols, seconds: 30 });
  expect(rule?.watched).toMatchObject({ symbols: ['0700.HK', '0005.HK'] });
  expect(rule && [covers(rule, '0700.HK'), covers(rule, '0001.HK')]).toEqual([true, false]);
});

test('a bad rule is named by its place and its name, with the field that is wrong', () => {
  const found = problemsOf({ name: 'a', type: 'agent_stopped' }, { ...memory, percent: 'much' });
  expect(found).toEqual(['rule 2 "memory": percent must be number']);
});

test('all problems of a file are told at once', () => {
  const found = problemsOf(
    { ...memory, percent: 120, precent: 1 },
    { name: 'b', type: 'memory' },
    { name: 'c', type: 'price_move', symbols: ['not a symbol'], percent: 0, window_seconds: -1, level: 'loud' },
    'a text',
    { type: 'agent_stopped' },
    { name: 'x:y', type: 'agent_stopped' },
  );
  expect(found.map((problem) => problem.replace(/ (must|is|has) .*/, ''))).toEqual([
    'rule 1 "memory": precent',
    'rule 1 "memory": percent',
    'rule 2 "b": type',
    'rule 3 "c": level',
    'rule 3 "c": symbols.0',
    'rule 3 "c": percent',
    'rule 3 "c": window_seconds',
    'rule 4:',
    'rule 5: name',
    'rule 6 "x:y": name',
  ]);
  expect(found[2]).toContain('agent_memory, price_move, stale_feed');
});

test('no two rules have one name', () => {
  expect(problemsOf(memory, { name: 'other', type: 'agent_stopped' }, memory)).toEqual([
    'rule 3 "memory": has the name of rule 1; give it one of its own',
  ]);
});

test.each([
  ['not JSON', '{"rules": [', /not JSON/],
  ['no list', '{"rules": {}}', /\{"rules": \[ … \]\}/],
  ['an array', '[]', /\{"rules": \[ … \]\}/],
  ['a field besides', '{"rules": [], "rule": 1}', /rule can't stand beside "rules"/],
])('a file that is %s is refused', (_, text, problem) => {
  expect(() => parseRules(text)).toThrow(problem);
});

test('a file that is bad or not there is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-rules-'));
  const path = join(folder, 'rules.json');
  expect(() => readRules(path)).toThrow(`the alert rules can't be read: ENOENT`);
  writeFileSync(path, JSON.stringify({ rules: [{ ...memory, percent: 0 }] }));
  expect(() => readRules(path)).toThrow(
    `${path} is no good file of alert rules:\n  - rule 1 "memory": percent must be > 0`,
  );
  rmSync(folder, { recursive: true });
});

test('a file that begins with a byte order mark is as good as one without', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-rules-'));
  const path = join(folder, 'rules.json');
  writeFileSync(path, `\uFEFF${JSON.stringify({ rules: [memory] })}`);
  expect(readRules(path)).toHaveLength(1);
  rmSync(folder, { recursive: true });
});

// Written by: JSON.stringify(RulesFile, null, 2), then prettier.
test('the schema that editors check a rules file by is that of the code', () => {
  const shipped: unknown = JSON.parse(readFileSync(join(RULES, 'rules.schema.json'), 'utf8'));
  expect(shipped).toEqual(JSON.parse(JSON.stringify(RulesFile)));
});
