import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { eventually } from './mod.ts';

test('the answer of the first check that neither throws nor is false is answered', async () => {
  let calls = 0;
  const check = () => {
    calls += 1;
    if (calls === 1) throw new Error('not yet');
    return calls > 2 && `call ${calls}`;
  };
  expect(await eventually(check)).toBe('call 3');
});

test('when the time is over, the last error is told', async () => {
  const check = () => {
    throw new Error('nothing there');
  };
  await expect(eventually(check, { withinMs: 50 })).rejects.toThrow('not within 50 ms: nothing there');
});

test('time in which the process stood still does not count', async () => {
  let isThere = false;
  const waiting = eventually(() => isThere, { withinMs: 500 });
  await turn();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  setTimeout(() => (isThere = true), 100);
  await waiting;
});
