import { expect, test } from '@jest/globals';
import { createWindow } from './window.ts';

test('no more is under way than may be', async () => {
  const window = createWindow(2);
  let end: () => void = () => undefined;
  await window.add(new Promise<void>((resolve) => (end = resolve)));
  let hasRoom = false;
  const second = window.add(new Promise(() => undefined)).then(() => (hasRoom = true));
  await new Promise((resolve) => void setImmediate(resolve));
  expect(hasRoom).toBe(false);
  end();
  await second;
});

test('the first failure is thrown by what is asked next, and stays', async () => {
  const window = createWindow(10);
  await window.add(Promise.resolve());
  await window.add(Promise.reject(new Error('first'))).catch(() => undefined);
  await window.add(Promise.reject(new Error('second'))).catch(() => undefined);
  await expect(window.settle()).rejects.toThrow('first');
  await expect(window.settle()).rejects.toThrow('first');
});
