import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { VARIABLES } from './config.ts';

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

/** The rows of the README's table of variables, as written. */
function rows(): string[] {
  return README.split('\n').filter((line) => line.startsWith('| `TICKCAST_'));
}

test("the README's table of variables is the one that the edge reads", () => {
  const expected = Object.entries(VARIABLES).map(([name, { standard, about }]) => {
    const shown = name === 'TICKCAST_NODE_ID' ? 'host name and process id' : standard === '' ? '' : `\`${standard}\``;
    return `| \`${name}\` | ${shown} | ${about} |`;
  });
  expect(rows().map((row) => row.replace(/ +/g, ' '))).toEqual(expected.map((row) => row.replace(/ +/g, ' ')));
});
