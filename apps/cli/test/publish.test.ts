import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type RedisServer, startRedis } from '@tickcast/testing';
import { runCli } from './run-cli.ts';

const STATUS =
  '{"status":"running","cpu_usage":1.0,"memory_usage":2,"task_queue_size":0,"last_update":1701234567.891234}';

let redis: RedisServer;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  redis = await startRedis();
  env = { TICKCAST_REDIS_URL: redis.url };
  await runCli(['doctor', '--install'], env);
});

// Leaves the Function where it is.
beforeEach(() => redis.cli('FLUSHALL'));

afterAll(() => redis.stop());

test('doctor says what is missing, installs it when told to, and is content then', async () => {
  await redis.cli('FUNCTION', 'FLUSH');
  const before = await runCli(['doctor'], env);
  expect(before.code).toBe(1);
  expect(before.stdout).toMatch(/^ok {6}Redis: (Redis|Valkey) \d/m);
  expect(before.stdout).toMatch(/^FAILED {2}Function/m);
  expect(before.stderr).toMatch(/run `tickcast doctor --install`/);
  expect(await runCli(['doctor', '--install'], env)).toMatchObject({ code: 0 });
  const after = await runCli(['doctor'], env);
  expect(after).toMatchObject({ code: 0, stderr: '' });
  expect(after.stdout).toMatch(/^ok {6}Function: version \d+$/m);
});

test('publish numbers events, and its bytes are kept as they were written', async () => {
  const first = await runCli(['publish', 'agent_status', 'coordinator', STATUS], env);
  expect(first).toEqual({ code: 0, stdout: '{"channel":"agent_status","key":"coordinator","seq":1}\n', stderr: '' });
  const second = await runCli(['publish', 'agent_status', 'coordinator', STATUS], env);
  expect(JSON.parse(second.stdout)).toMatchObject({ seq: 2 });
  const kept = await redis.cli('HGET', 'tickcast:{agent_status}:coordinator', 'frame');
  expect(kept).toBe(`{"type":"agent_status","agent_id":"coordinator","data":${STATUS}}`);
});

test('publish takes a whole frame, which names its key, and brings a KEY to its normal form', async () => {
  const frame = '{"type":"market_data","symbol":"0700.HK","data":{"timestamp":1,"price":352.0,"volume":100}}';
  const whole = await runCli(['publish', 'market_data', frame], env);
  expect(JSON.parse(whole.stdout)).toEqual({ channel: 'market_data', key: '0700.HK', seq: 1 });
  const data = await runCli(['publish', 'market_data', 'HK.00700', '{"timestamp":2,"price":352.2,"volume":200}'], env);
  expect(JSON.parse(data.stdout)).toEqual({ channel: 'market_data', key: '0700.HK', seq: 2 });
});

test('the same event id publishes once', async () => {
  const args = ['publish', 'agent_status', 'coordinator', STATUS, '--event-id', 'once'];
  expect((await runCli(args, env)).stdout).toBe((await runCli(args, env)).stdout);
});

test('--raw publishes without a number and leaves no last value', async () => {
  const { code, stdout } = await runCli(['publish', 'agent_status', 'coordinator', STATUS, '--raw'], env);
  expect({ code, event: JSON.parse(stdout) }).toMatchObject({ code: 0, event: { seq: null } });
  expect(await redis.cli('EXISTS', 'tickcast:{agent_status}:coordinator')).toBe('0');
});

test.each([
  [['publish', 'quotes', '{}'], /CHANNEL must be one of market_data/],
  [['publish', 'agent_status', STATUS], /KEY is needed/],
  [['publish', 'alerts', 'x', '{}'], /takes no KEY/],
  [['publish', 'market_data', '0700.HK', '{"price":1}'], /no market_data frame/],
  [['publish', 'market_data', '0700.HK', '[1]'], /must be an object/],
  [['publish', 'market_data', '0700.HK', 'price'], /can't be read/],
  [['publish', 'market_data', 'a b', '{}'], /can't be a symbol/],
  [['publish', 'market_data'], /publish takes/],
])('a wrong event is refused with code 2: %j', async (args, complaint) => {
  const { code, stderr } = await runCli(args, env);
  expect(code).toBe(2);
  expect(stderr).toMatch(complaint);
});

test('without Redis, publish ends with code 1 and says so', async () => {
  const away = { TICKCAST_REDIS_URL: 'redis://127.0.0.1:1' };
  const { code, stderr } = await runCli(['publish', 'agent_status', 'coordinator', STATUS], away);
  expect(code).toBe(1);
  expect(stderr).toMatch(/Redis at 127\.0\.0\.1:1 can't be reached .*TICKCAST_REDIS_URL/);
});

test('what is not set comes from a running npm start, and not from one that has ended', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tickcast-cli-'));
  try {
    mkdirSync(join(folder, '.tickcast'));
    mkdirSync(join(folder, 'below'));
    const session = { redisUrl: redis.url, redisPrefix: 'dev:' };
    const write = (pid: number) =>
      writeFileSync(join(folder, '.tickcast/dev.json'), JSON.stringify({ pid, ...session }));
    write(process.pid);
    await runCli(['publish', 'agent_status', 'coordinator', STATUS], {}, join(folder, 'below'));
    expect(await redis.cli('EXISTS', 'dev:{agent_status}:coordinator')).toBe('1');
    await redis.cli('FLUSHALL');
    write(2 ** 30);
    await runCli(['publish', 'agent_status', 'coordinator', STATUS], {}, folder);
    expect(await redis.cli('DBSIZE')).toBe('0');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
