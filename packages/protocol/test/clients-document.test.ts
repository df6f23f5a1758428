import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { CLIENT_ERROR_CODES } from '../src/client-errors.ts';
import { CLOSES } from '../src/closes.ts';

const document = readFileSync(new URL('../CLIENTS.md', import.meta.url), 'utf8');

/** The cells of the rows under the table heading that begins with this column. */
function table(column: string): string[][] {
  const lines = document.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${column} `));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test('what a client does after each close is what the table of closes says to programs', () => {
  const beginnings = { at_once: 'comes back at once', new_token: 'with a token function', never: 'final' } as const;
  const rows = table('close').flatMap(([codes = '', does = '']) =>
    Array.from(codes.matchAll(/\d{4}/g), ([code]) => ({ code: Number(code), does })),
  );
  for (const { code, does } of rows) {
    const { reconnect } = CLOSES[code as keyof typeof CLOSES];
    expect([code, reconnect === 'backoff' || does.startsWith(beginnings[reconnect])]).toEqual([code, true]);
  }
  const unnamed = Object.entries(CLOSES).filter(([code]) => !rows.some((row) => row.code === Number(code)));
  expect(unnamed.filter(([, { reconnect }]) => reconnect !== 'backoff')).toEqual([]);
});

test('the errors that a client finds by itself are those in the code', () => {
  const documented = table('code').map(([code = '']) => code.replaceAll('`', ''));
  expect(documented).toEqual(CLIENT_ERROR_CODES);
});
