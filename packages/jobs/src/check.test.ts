import { expect, test } from '@jest/globals';
import { Type } from 'typebox';
import { compileCheck } from './check.ts';

const Rule = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z]+$', description: 'a word' }),
    kind: Type.Literal('memory'),
    limits: Type.Object({ percent: Type.Number({ minimum: 0 }) }),
    tags: Type.Optional(Type.Array(Type.String())),
  },
  { additionalProperties: false },
);
const check = compileCheck(Rule);

test('a good value has no problems', () => {
  expect(check({ name: 'a', kind: 'memory', limits: { percent: 80 } })).toEqual([]);
});

test('every problem is told at once, each with its field', () => {
  const problems = check({ name: 'A b', kind: 'cpu', limits: { percent: -1 }, tags: ['x', 1], more: true });
  expect(problems.toSorted()).toEqual([
    'kind must be "memory"',
    'limits.percent must be >= 0',
    'more is unknown',
    'name must be a word',
    'tags.1 must be string',
  ]);
  expect(check({ limits: {} }).toSorted()).toEqual(['kind is missing', 'limits.percent is missing', 'name is missing']);
  expect(check([])).toEqual(['it must be object']);
});

test('a check can be used again: it keeps nothing of the value before', () => {
  expect(check({})).not.toEqual([]);
  expect(check({ name: 'a', kind: 'memory', limits: { percent: 0 } })).toEqual([]);
});
