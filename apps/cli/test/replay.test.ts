import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cleanEnvironment, eventually, freePort, type RedisServer, startProcess, startRedis } from '@tickcast/testing';
import { CLI, runCli } from './run-cli.ts';

let redis: RedisServer;
let folder: string;
let files = 0;

beforeAll(async () => {
  redis = await startRedis();
  folder = await mkdtemp(join(tmpdir(), 'tickcast-replay-'));
  await runCli(['doctor', '--install'], { TICKCAST_REDIS_URL: redis.url });
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await redis.stop();
});

const event = (at: number, channel: string, key: string | null, frame: string) =>
  `{"received_at":${at},"channel":"${channel}","key":${JSON.stringify(key)},"epoch":"1701234567891234-9f2c1a","frame":${frame}}`;

const quoteData = (price: string) => `{"timestamp":1701234567.891234,"price":${price},"volume":100}`;
const quote = (seq: number, price: string, more = '') =>
  `{"seq":${seq},"published_at":1701234567.912345,${more}"type":"market_data","symbol":"0700.HK","data":${quoteData(price)}}`;
const alertData = (message: string) =>
  `{"level":"warning","message":"${message}","timestamp":1701234567.891234,"source":"monitoring"}`;
const alert = (seq: number, message: string) =>
  `{"seq":${seq},"published_at":1701234567.912345,"type":"alerts","data":${alertData(message)}}`;
const GAP = '{"received_at":3,"channel":"alerts","key":null,"epoch":null,"gap":{"from":1,"to":null}}';

/** Each test has Redis names of its own. */
async function recording(...lines: string[]) {
  const prefix = `t${(files += 1)}:`;
  const path = join(folder, `${files}.ndjson`);
  await writeFile(path, lines.map((line) => `${line}\n`).join(''));
  const env = { TICKCAST_REDIS_URL: redis.url, TICKCAST_REDIS_PREFIX: prefix };
  const replay = (...args: string[]) => runCli(['replay', path, ...args], env);
  const last = (stream: string, field = 'frame') => redis.cli('HGET', `${prefix}{${stream}`, field);
  return { path, prefix, env, replay, last };
}

test.concurrent('what is published again is what the publisher wrote, byte for byte', async () => {
  const { replay, last } = await recording(
    event(1, 'market_data', '0700.HK', quote(41, '352.0', '"conflated":3,')),
    event(1.001, 'alerts', null, alert(7, '内存\u2028使用率超过80%')),
  );
  const { code, stderr } = await replay('--alerts', '--speed', '100');
  // On a busy machine it is late, and says so.
  expect(stderr).toMatch(/^to publish: 2\npublished 2(; \d+\.\d s later than the recording has it)?\n$/);
  expect(code).toBe(0);
  expect(await last('market_data:0700.HK}')).toBe(
    `{"type":"market_data","symbol":"0700.HK","data":${quoteData('352.0')}}`,
  );
  expect(await last('alerts}')).toBe(`{"type":"alerts","data":${alertData('内存\u2028使用率超过80%')}}`);
});

test.concurrent('events keep their order, get new numbers, and snapshots and gaps are left out', async () => {
  const { replay, last } = await recording(
    event(1, 'market_data', '0700.HK', quote(40, '350.0', '"snapshot":true,')),
    event(2, 'market_data', '0700.HK', quote(41, '351.0')),
    GAP,
    event(3, 'market_data', '0700.HK', quote(42, '352.0')),
  );
  const { code, stderr } = await replay('--speed', 'max');
  expect(stderr).toBe('to publish: 2; left out: 1 snapshots, 1 gaps\npublished 2\n');
  expect(code).toBe(0);
  expect(await last('market_data:0700.HK}', 'seq')).toBe('2');
  expect(await last('market_data:0700.HK}')).toContain('352.0');
});

test.concurrent('alerts are left out unless they are asked for', async () => {
  const { replay, prefix } = await recording(event(1, 'alerts', null, alert(1, 'old news')));
  expect(await replay()).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^to publish: 0; left out: 1 alerts, which --alerts publishes too/),
  });
  expect(await redis.cli('EXISTS', `${prefix}{alerts}`)).toBe('0');
});

test.concurrent('a line that is wrong is named, and nothing of the file is published', async () => {
  const good = event(1, 'market_data', '0700.HK', quote(41, '352.0'));
  const { replay, prefix } = await recording(good, good, '{"received_at":1');
  const { code, stderr } = await replay();
  expect(stderr).toMatch(/ndjson, line 3: it is no JSON.*; mend the line or take it out/);
  expect(code).toBe(1);
  expect(await redis.cli('EXISTS', `${prefix}{market_data:0700.HK}`)).toBe('0');
});

test.concurrent('Ctrl-C ends a replay between two events, and it says how many were published', async () => {
  const { path, env } = await recording(
    event(1, 'market_data', '0700.HK', quote(1, '351.0')),
    event(1000, 'market_data', '0700.HK', quote(2, '352.0')),
  );
  const replay = await startProcess(process.execPath, [CLI, 'replay', path], { env: cleanEnvironment(env) });
  await replay.waitForLine(/^to publish: 2/);
  const seq = () => redis.cli('HGET', `${env.TICKCAST_REDIS_PREFIX}{market_data:0700.HK}`, 'seq');
  await eventually(async () => expect(await seq()).toBe('1'), { withinMs: 15_000 });
  replay.signal('SIGINT');
  expect(await replay.exited).toEqual({ code: 1, signal: null });
  expect(replay.lines().at(-1)).toBe('tickcast: interrupted: 1 of 2 were published');
});

test.concurrent('without Redis, or without a file, replay says so with code 1', async () => {
  const { path } = await recording(event(1, 'alerts', null, alert(1, 'x')));
  const away = await runCli(['replay', path], { TICKCAST_REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
  expect(away).toMatchObject({ code: 1, stderr: expect.stringMatching(/can't be reached .*TICKCAST_REDIS_URL/) });
  const missing = await runCli(['replay', join(folder, 'nothing')]);
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/nothing can't be read/) });
});

test.concurrent.each([
  [[], /takes the FILE of a recording/],
  [['-'], /it is read twice/],
  [['a', 'b'], /takes no argument "b"/],
  [['a', '--speed', '0'], /--speed must be a number above 0, or max/],
])('the wrong command line `replay %j` is refused with code 2', async (args, complaint) => {
  expect(await runCli(['replay', ...args])).toMatchObject({ code: 2, stderr: expect.stringMatching(complaint) });
});
