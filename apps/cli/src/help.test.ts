import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { COMMAND_SPECS } from './command-table.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { commandHelp, generalHelp } from './help.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The first cells of the README's table whose head begins with `head`, without their marks. */
function firstCells(head: string): string[] {
  const [, table = ''] = new RegExp(`\\| ${head} +\\|.*\\n\\|[ |-]+\\n((?:\\|.*\\n)+)`).exec(README) ?? [];
  return table
    .trimEnd()
    .split('\n')
    .map((row) => (/^\| (.*?[^\\]) *\|/.exec(row)?.[1] ?? '').replaceAll(/[`\\]/g, '').trim());
}

test('the README has every command with its synopsis, and no other', () => {
  const commands = [...COMMAND_SPECS].map(([name, { synopsis }]) => `${name} ${synopsis}`.trim());
  expect(firstCells('command')).toEqual(commands);
});

test('the README and the help have every exit code with its meaning, and the README no other', () => {
  const codes = Object.values(EXIT_CODES);
  expect(firstCells('code')).toEqual(codes.map(({ code }) => String(code)));
  for (const { code, meaning } of codes) {
    expect(README).toMatch(new RegExp(`\\| ${code} +\\| ${meaning} +\\|`));
    expect(generalHelp()).toContain(`  ${code}  ${meaning}`);
  }
});

test('each command has help that names its options, and help on the first of two words has all below it', () => {
  for (const [name, { options }] of COMMAND_SPECS) {
    expect(generalHelp()).toContain(`  ${name}`);
    for (const option of Object.keys(options)) expect(commandHelp(name)).toContain(`  --${option}`);
  }
  expect(commandHelp('backtest')).toMatch(/tickcast backtest run[^]*tickcast backtest cancel ID/);
  expect(commandHelp('nonsense')).toBeNull();
});

test('no line of the help is longer than a wide terminal', () => {
  const pages = [generalHelp(), ...[...COMMAND_SPECS.keys()].map((name) => commandHelp(name) ?? '')];
  const long = pages.flatMap((page) => page.split('\n').filter((line) => line.length > 115));
  expect(long).toEqual([]);
});
