import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cleanEnvironment, eventually, type ManagedProcess, startProcess, startRedis } from '@tickcast/testing';
import type { RedisServer } from '@tickcast/testing';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let redis: RedisServer;
let producers: ManagedProcess;

beforeAll(async () => {
  redis = await startRedis();
  producers = await startProcess(process.execPath, [MAIN], {
    env: cleanEnvironment({ TICKCAST_REDIS_URL: redis.url }),
  });
});

afterAll(async () => {
  await producers.kill();
  await redis.stop();
});

function seqOf(stream: string): Promise<number> {
  return redis.cli('HGET', `tickcast:${stream}`, 'seq').then(Number);
}

test('quotes, an agent and a backtest are published as numbered events, and the log says that it is a simulation', async () => {
  await producers.waitForLine(/SIMULATION/);
  await eventually(async () => (await seqOf('{market_data:0700.HK}')) > 3);
  expect(await seqOf('{agent_status}:coordinator')).toBe(1);
  expect(await seqOf('{backtest_progress}:bt_simulation')).toBe(1);
});

test('the feed goes on after Redis was away and came back empty', async () => {
  await redis.kill();
  await producers.waitForLine(/nothing can be published/);
  await redis.restart({ keepData: false });
  await eventually(async () => (await seqOf('{market_data:9988.HK}')) > 3, { withinMs: 10_000 });
});

test('SIGTERM ends it with code 0, the agent marked as stopped', async () => {
  expect(await producers.stop()).toEqual({ code: 0, signal: null });
  const frame: unknown = JSON.parse(await redis.cli('HGET', 'tickcast:{agent_status}:coordinator', 'frame'));
  expect(frame).toMatchObject({ agent_id: 'coordinator', data: { status: 'stopped' } });
  expect(producers.lines().filter((line) => line.includes('Warning'))).toEqual([]);
});
