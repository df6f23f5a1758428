import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { LOAD_NAMES, readConfig } from '../src/config.ts';
import { expectedSeconds } from '../src/loads/duration.ts';

test('without a word on the command line all loads are run three times', () => {
  expect(readConfig([])).toEqual({
    loads: LOAD_NAMES,
    short: false,
    profile: false,
    repeats: 3,
    seconds: 10,
    out: resolve('.tickcast/bench'),
  });
});

test('loads that are named are run in the order of the table, short ones once for 2 s', () => {
  const config = readConfig(['burst', 'steady', '--short', '--out', 'here']);
  expect(config).toEqual({
    loads: ['steady', 'burst'],
    short: true,
    profile: false,
    repeats: 1,
    seconds: 2,
    out: resolve('here'),
  });
  expect(readConfig(['--short', '--repeat', '2', '--seconds', '30'])).toMatchObject({ repeats: 2, seconds: 30 });
});

test('a profile is taken once, whatever else is said', () => {
  expect(readConfig(['steady', '--profile', '--repeat', '5'])).toMatchObject({ profile: true, repeats: 1 });
});

test('what is asked for decides how long it is said to take', () => {
  const about = (...args: string[]) => expectedSeconds(readConfig(args));
  expect(about('steady', '--repeat', '4')).toBe(2 * about('steady', '--repeat', '2'));
  expect(about('heavy')).toBeGreaterThan(about('steady'));
  expect(about('steady', '--profile')).toBeLessThan(about('steady', '--repeat', '1'));
  expect(about('--short')).toBeLessThan(about());
});

test.each([
  [['stedy'], /no load stedy/],
  [['--repeat', '0'], /--repeat must be a whole number from 1/],
  [['--seconds', 'ten'], /--seconds must be a whole number/],
  [['--fast'], /--fast/],
  [['--profile'], /which LOAD/],
  [['memory', '--profile'], /memory is not/],
])('%p is refused, with how to write it', (args, problem) => {
  expect(() => readConfig(args)).toThrow(problem);
  expect(() => readConfig(args)).toThrow(/npm run bench -- \[LOAD/);
});
