import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createBacktests } from '@tickcast/jobs';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { startWorkerProcess } from './support/worker-process.ts';

const README = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

test("a worker needs no more rights in Redis than the README's user has", async () => {
  const rule = /^ACL SETUSER producer on >PASSWORD (.*)$/m.exec(README)?.[1];
  await redis.cli('ACL', 'SETUSER', 'producer', 'on', '>PASSWORD', ...(rule ?? '').split(' '));
  const redisUrl = redis.url.replace('://', '://producer:PASSWORD@');
  const worker = await startWorkerProcess({ redisUrl, agentId: 'one' });
  await worker.process.waitForLine(/Redis is there/);
  const backtests = createBacktests({ redisUrl, redisPrefix: 'tickcast:' });
  const request = {
    strategy: 'buy_and_hold',
    symbol: '0700.HK',
    from: '2021-01-04',
    to: '2023-12-29',
    params: {},
    data: 'daily-bars.csv',
  };
  await backtests.submit(request, 'bt_1');
  const statusOf = (stream: string) => redis.cli('HGET', `tickcast:${stream}`, 'status');
  await eventually(async () => (await statusOf('{backtest_progress}:bt_1')) === 'completed', { withinMs: 15_000 });
  await eventually(async () => Number(await redis.cli('HGET', 'tickcast:{market_data:0700.HK}', 'seq')) > 3, {
    withinMs: 15_000,
  });
  // Another one, that died, is reported, and its queue is looked for.
  await redis.cli('FCALL', 'tickcast_agent_lease', '1', 'tickcast:{agent_status}:gone', '1');
  await eventually(async () => (await statusOf('{agent_status}:gone')) === 'stopped', { withinMs: 20_000 });
  await backtests.close();
  await worker.process.stop();
  expect(await redis.cli('ACL', 'LOG')).toBe('');
}, 90_000);
