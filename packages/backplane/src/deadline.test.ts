import { setImmediate as turnsEnd } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { startRedis } from '@tickcast/testing';
import { openCommands } from '../test/on-redis.ts';
import { withDeadline } from './deadline.ts';

test('what does not settle in time is given up', async () => {
  const never = new Promise(() => undefined);
  await expect(withDeadline(never, 10)).rejects.toThrow('no answer within 10 ms');
});

test('an answer that waits in the socket of a process that was busy counts', async () => {
  const redis = await openCommands((await startRedis()).url);
  const answer = withDeadline(redis.ping(), 200);
  // It has left.
  await turnsEnd();
  const busyUntil = performance.now() + 500;
  while (performance.now() < busyUntil);
  expect(await answer).toBe('PONG');
});
