import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  cleanEnvironment,
  type EdgeProcess,
  eventually,
  mintToken,
  type RedisServer,
  startEdge,
  startFaultProxy,
  startProcess,
  startRedis,
  TEST_SECRET,
} from '@tickcast/testing';
import { CLI, runCli } from './run-cli.ts';

const QUOTE = '{"type":"market_data","symbol":"0700.HK","data":{"timestamp":1,"price":352.0,"volume":100}}';

let redis: RedisServer;
let edge: EdgeProcess;
let env: NodeJS.ProcessEnv;
let folder: string;

beforeAll(async () => {
  redis = await startRedis();
  edge = await startEdge({ redisUrl: redis.url });
  folder = await mkdtemp(join(tmpdir(), 'tickcast-tail-'));
  env = { TICKCAST_REDIS_URL: redis.url, TICKCAST_URL: edge.url, TICKCAST_AUTH_SECRET: TEST_SECRET };
});

afterAll(async () => {
  await edge?.stop();
  await redis.stop();
  await rm(folder, { recursive: true });
});

const alertData = (message: string) => `{"level":"info","message":"${message}","timestamp":1,"source":"test"}`;

/** Runs it in a shell, with its stderr in a file. */
async function startTail(pipe: string, ...args: string[]) {
  const errors = join(folder, `${Math.random()}`);
  // Alone it takes the place of the shell: it is what is ended then.
  const script = pipe === '' ? 'exec "$@" 2> "$ERRORS"' : `set -o pipefail; "$@" 2> "$ERRORS" ${pipe}`;
  const child = await startProcess('bash', ['-c', script, 'bash', process.execPath, CLI, 'tail', ...args], {
    env: cleanEnvironment({ ...env, ERRORS: errors }),
  });
  const told = (pattern: RegExp) =>
    eventually(async () => expect(await readFile(errors, 'utf8')).toMatch(pattern), { withinMs: 15_000 });
  await told(/^subscribed at /m);
  return { child, told };
}

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

test('tail follows several streams at once', async () => {
  const { child } = await startTail('', 'market_data', '5.hk', 'HK.00011', '--color', 'never');
  for (const key of ['0011.HK', '0012.HK', '0005.HK']) {
    await runCli(['publish', 'market_data', key, '{"timestamp":1,"price":352.5,"volume":1}'], env);
  }
  await child.waitForLine(/market_data 0005\.HK #1 = 352\.5 volume 1$/);
  expect(
    child
      .lines()
      .filter((line) => line.includes('market_data'))
      .map((line) => line.slice(13, 32)),
  ).toEqual(['market_data 0011.HK', 'market_data 0005.HK']);
  await child.kill();
});

test('a broken connection is told on stderr, and what was published meanwhile comes, once; stdout has frames alone', async () => {
  const proxy = await startFaultProxy(edge.port);
  const url = edge.url.replace(String(edge.port), String(proxy.port));
  const { child, told } = await startTail('', 'alerts', '--json', '--url', url);
  await runCli(['publish', 'alerts', alertData('before')], env);
  await child.waitForLine(/before/);
  proxy.stall();
  await runCli(['publish', 'alerts', alertData('meanwhile')], env);
  proxy.reset();
  proxy.heal();
  await told(/^connection_lost: /m);
  await told(/^resuming at /m);
  await told(/^live at /m);
  await runCli(['publish', 'alerts', alertData('after')], env);
  await child.waitForLine(/after/);
  const messages = child.lines().map((line) => (JSON.parse(line) as { data: { message: string } }).data.message);
  expect(messages).toEqual(['before', 'meanwhile', 'after']);
  await child.kill();
  proxy.close();
});

test('a reader that has had enough ends tail quietly, with code 0', async () => {
  const { child } = await startTail('| head -n 1', 'alerts', '--color', 'always');
  await runCli(['publish', 'alerts', alertData('one')], env);
  // Coloured, as it was asked for.
  expect(await child.waitForLine(/one$/)).toContain('\u001B[1malerts\u001B[22m');
  // The reader may have printed its line and still be there: then the next one finds it gone.
  await eventually(
    async () => {
      await runCli(['publish', 'alerts', alertData('two')], env);
      return !child.running;
    },
    { withinMs: 15_000 },
  );
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('a colour that is none is refused with code 2', async () => {
  const { code, stderr } = await runCli(['tail', 'alerts', '--color', 'red'], env);
  expect(stderr).toMatch(/--color must be one of auto, always, never/);
  expect(code).toBe(2);
});
