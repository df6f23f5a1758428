import { expect, test } from '@jest/globals';
import { coresIn } from '../src/rig/pinning.ts';

test.each([
  ['0', [0]],
  ['0-1', [0, 1]],
  ['2-4,7', [2, 3, 4, 7]],
])('the cores that %p allows are told apart', (list, cores) => {
  expect(coresIn(list)).toEqual(cores);
});
