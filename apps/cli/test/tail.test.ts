import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  cleanEnvironment,
  type EdgeProcess,
  mintToken,
  type RedisServer,
  startEdge,
  startProcess,
  startRedis,
  TEST_SECRET,
} from '@tickcast/testing';
import { CLI, runCli } from './run-cli.ts';

const QUOTE = '{"type":"market_data","symbol":"0700.HK","data":{"timestamp":1,"price":352.0,"volume":100}}';

let redis: RedisServer;
let edge: EdgeProcess;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  redis = await startRedis();
  edge = await startEdge({ redisUrl: redis.url });
  env = { TICKCAST_REDIS_URL: redis.url, TICKCAST_URL: edge.url, TICKCAST_AUTH_SECRET: TEST_SECRET };
});

afterAll(async () => {
  await edge?.stop();
  await redis.stop();
});

test('tail prints what is published, as it came, and ends with code 0 when interrupted', async () => {
  const tail = await startProcess(process.execPath, [CLI, 'tail', 'market_data', '700.hk', '--json'], {
    env: cleanEnvironment(env),
  });
  await tail.waitForLine(/^subscribed/);
  await runCli(['publish', 'market_data', QUOTE], env);
  const line = await tail.waitForLine(/^\{.*"market_data"/);
  expect(JSON.parse(line)).toMatchObject({ ...JSON.parse(QUOTE), seq: 1 });
  tail.signal('SIGINT');
  expect(await tail.exited).toEqual({ code: 0, signal: null });
});

test('tail prints a line for people when not told otherwise', async () => {
  const tail = await startProcess(process.execPath, [CLI, 'tail', 'alerts'], { env: cleanEnvironment(env) });
  await tail.waitForLine(/^subscribed/);
  const alert = '{"level":"warning","message":"内存使用率超过80%","timestamp":1701234567.89,"source":"monitoring"}';
  await runCli(['publish', 'alerts', alert], env);
  expect(await tail.waitForLine(/alerts #1/)).toMatch(/^\d\d:\d\d:\d\d\.\d{3} alerts #1 .*内存使用率超过80%/);
  await tail.stop();
});

test('a token that is not good, or not good for this channel, ends tail with code 1 and the reason', async () => {
  const bad = await runCli(['tail', 'alerts', '--token', 'nonsense'], env);
  expect(bad).toMatchObject({ code: 1, stderr: expect.stringMatching(/authentication_failed[^]*4401/) });
  const token = await mintToken({ channels: ['market_data'] });
  const forbidden = await runCli(['tail', 'alerts'], { ...env, TICKCAST_TOKEN: token });
  expect(forbidden).toMatchObject({ code: 1, stderr: expect.stringMatching(/forbidden/) });
});

test('without an edge, tail says that there is none', async () => {
  const { code, stderr } = await runCli(['tail', 'alerts', '--url', 'ws://127.0.0.1:1/'], env);
  expect(code).toBe(1);
  expect(stderr).toMatch(/broke or was refused[^]*npm start/);
});

test('market_data can only be followed a symbol at a time', async () => {
  const { code, stderr } = await runCli(['tail', 'market_data'], env);
  expect(code).toBe(2);
  expect(stderr).toMatch(/needs a KEY/);
});
