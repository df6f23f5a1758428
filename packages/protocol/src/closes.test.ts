import { expect, test } from '@jest/globals';
import { CLOSES } from './closes.ts';

test('every reason fits into a close frame and is printable ASCII', () => {
  // RFC 6455, 5.5: a control frame carries 125 bytes, two of which are the code.
  for (const { reason } of Object.values(CLOSES)) expect(reason).toMatch(/^[ -~]{1,123}$/);
});

test('every code tells what becomes of the seat', () => {
  const seats = Object.entries(CLOSES).map(([code, { seat }]) => `${code} ${seat}`);
  expect(seats).toEqual([
    '1003 free',
    '1009 free',
    '1012 reserved',
    '1013 none',
    '4401 free',
    '4408 free',
    '4409 handed_over',
    '4410 reserved',
    '4429 free',
  ]);
});
