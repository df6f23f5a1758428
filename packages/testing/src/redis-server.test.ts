import { afterEach, expect, test } from '@jest/globals';
import { eventually, startRedis, type RedisServer } from './mod.ts';

let redis: RedisServer | undefined;

afterEach(async () => {
  await redis?.kill();
});

test('a Redis server answers commands, and its error replies are thrown', async () => {
  redis = await startRedis();
  expect(await redis.cli('SET', 'greeting', 'hello there')).toBe('OK');
  expect(await redis.cli('GET', 'greeting')).toBe('hello there');
  await expect(redis.cli('LPUSH', 'greeting', 'x')).rejects.toThrow(/WRONGTYPE/);
});

test('a restarted server comes back on its port, with its data or empty', async () => {
  redis = await startRedis();
  const before = redis.pid;
  await redis.cli('SET', 'kept', 'yes');
  await redis.restart({ keepData: true });
  expect(redis.pid).not.toBe(before);
  expect(await redis.cli('GET', 'kept')).toBe('yes');
  await redis.restart({ keepData: false });
  expect(await redis.cli('DBSIZE')).toBe('0');
});

test('a paused server answers nothing until it is resumed', async () => {
  redis = await startRedis();
  redis.pause();
  let answered = false;
  const pong = redis.cli('PING').then((reply) => {
    answered = true;
    return reply;
  });
  await eventually(async () => (await processState(redis?.pid ?? 0)).startsWith('T'));
  expect(answered).toBe(false);
  redis.resume();
  expect(await pong).toBe('PONG');
});

async function processState(pid: number): Promise<string> {
  const { promisify } = await import('node:util');
  const { execFile } = await import('node:child_process');
  const { stdout } = await promisify(execFile)('ps', ['-o', 'state=', '-p', String(pid)]);
  return stdout.trim();
}
