import { expect, test } from '@jest/globals';
import { createTurns } from './turns.ts';

test('each turn of the event loop belongs to one caller, in the order they ask', async () => {
  const turns = createTurns();
  const took: string[] = [];
  let loops = 0;
  let isOver = false;
  const count = (): void => {
    loops += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const seenAt = new Set<number>();
  await Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      for (let slice = 0; slice < 3; slice += 1) {
        await turns();
        took.push(name);
        seenAt.add(loops);
      }
    }),
  );
  isOver = true;
  expect(took.join('')).toBe('abcabcabc');
  expect(seenAt.size).toBe(took.length);
});
