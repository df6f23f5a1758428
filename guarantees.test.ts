/** Holds PROTOCOL.md's table of guarantees to the tests that it names. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const document = readFileSync(join(import.meta.dirname, 'packages/protocol/PROTOCOL.md'), 'utf8');
const [, section = ''] = document.split('\n## 15. Guarantees');
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('every guarantee names a test that there is', () => {
  expect(rows.length).toBeGreaterThan(20);
  const wrong = rows.filter(([, , file = '', name = '']) => {
    const path = join(import.meta.dirname, 'apps/edge/test', file.replaceAll('`', ''));
    return !existsSync(path) || name === '' || !readFileSync(path, 'utf8').includes(name);
  });
  expect(wrong).toEqual([]);
});
