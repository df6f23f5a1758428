import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type EdgeProcess,
  freePort,
  mintToken,
  type RedisServer,
  startEdge,
  startRedis,
  TEST_SECRET,
} from '@tickcast/testing';
import { runCli } from './run-cli.ts';

interface Check {
  name: string;
  outcome: string;
  detail: string;
  advice?: string;
}

let redis: RedisServer;
let edge: EdgeProcess;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  redis = await startRedis();
  edge = await startEdge({ redisUrl: redis.url, env: { TICKCAST_MAX_CONNECTIONS: '500' } });
  env = { TICKCAST_REDIS_URL: redis.url, TICKCAST_URL: edge.url, TICKCAST_AUTH_SECRET: TEST_SECRET };
});

afterAll(async () => {
  await edge?.stop();
  await redis.stop();
});

const nobody = async (protocol: string) => `${protocol}://127.0.0.1:${await freePort()}/`;

/** The checks by name, and the exit code. */
async function doctor(settings: NodeJS.ProcessEnv, ...args: string[]) {
  const { code, stdout } = await runCli(['doctor', '--json', ...args], settings);
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
  return { code, ok, checks: new Map(checks.map((check) => [check.name, check])) };
}

test.concurrent(
  'where all is well every check is ok: Redis, Function, keeping, an edge, clocks, seats, a round trip',
  async () => {
    const { code, stdout, stderr } = await runCli(['doctor'], env);
    expect(stderr).toBe('');
    const patterns = [
      /^ok {6}Redis: (Redis|Valkey) \d+\.\d+/,
      /^ok {6}Function: version \d+$/,
      /^ok {6}eviction: nothing is evicted/,
      /^ok {6}persistence: no append-only file: .*appendonly yes/,
      /^ok {6}edge: \S+ at 127\.0\.0\.1:\d+ gave a seat$/,
      /^ok {6}clock: Redis is \d+ ms (ahead of|behind) this machine, the edge is \d+ ms (ahead of|behind) it$/,
      /^ok {6}seats: \d+ of 500 in use$/,
      /^ok {6}round trip: \d+\.\d ms from the Function to a client \(median of 5, /,
    ];
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(patterns.length);
    patterns.forEach((pattern, at) => expect(lines[at]).toMatch(pattern));
    expect(code).toBe(0);
  },
);

/** Whether somebody else's server is at a default place, where the command then looks. */
const isTaken = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

test.concurrent('with an edge alone, what takes Redis is said to be unchecked, and the exit code is 0', async () => {
  const somebody = await isTaken(6379);
  const { code, ok, checks } = await doctor({ ...env, TICKCAST_REDIS_URL: '' });
  expect(checks.get('edge')).toMatchObject({ outcome: 'ok' });
  const outcomes = ['Redis', 'round trip'].map((name) => checks.get(name)?.outcome);
  const cap = /the cap is \d+/.exec(checks.get('seats')?.detail ?? '')?.[0];
  const alone = { code: 0, ok: true, outcomes: ['skipped', 'skipped'], cap: 'the cap is 500' };
  // Somebody else's Redis is looked at, and is what it is.
  expect(somebody ? alone : { code, ok, outcomes, cap }).toEqual(alone);
});

test.concurrent('with Redis alone, what takes an edge is said to be unchecked, and the exit code is 0', async () => {
  const somebody = await isTaken(8001);
  const { code, checks } = await doctor({ ...env, TICKCAST_URL: '' });
  expect(checks.get('Redis')).toMatchObject({ outcome: 'ok' });
  const { outcome, advice = '' } = checks.get('edge') ?? {};
  const seats = checks.get('seats')?.detail.replace(/^\d+ in use.*/, 'told');
  const alone = { code: 0, outcome: 'skipped', advice: 'TICKCAST_URL', seats: 'told' };
  expect(somebody ? alone : { code, outcome, advice: /TICKCAST_URL/.exec(advice)?.[0], seats }).toEqual(alone);
});

test.concurrent('what was named and is not there has failed, and the other is checked all the same', async () => {
  const withoutRedis = await doctor({ ...env, TICKCAST_REDIS_URL: await nobody('redis') });
  expect(withoutRedis).toMatchObject({ code: 1, ok: false });
  expect(withoutRedis.checks.get('Redis')).toMatchObject({ outcome: 'failed' });
  expect(withoutRedis.checks.get('edge')).toMatchObject({ outcome: 'ok' });
  const withoutEdge = await doctor(env, '--url', await nobody('ws'));
  expect(withoutEdge.code).toBe(1);
  expect(withoutEdge.checks.get('edge')).toMatchObject({ outcome: 'failed' });
  expect(withoutEdge.checks.get('eviction')).toMatchObject({ outcome: 'ok' });
});

test.concurrent('a token that the edge does not take, or that allows too little, is told with what to do', async () => {
  const bad = await doctor(env, '--token', 'nonsense');
  expect(bad.code).toBe(1);
  expect(bad.checks.get('edge')).toMatchObject({
    outcome: 'failed',
    detail: expect.stringMatching(/authentication_failed/),
    advice: expect.stringMatching(/same secret/),
  });
  const narrow = await doctor(env, '--token', await mintToken({ channels: ['alerts'] }));
  expect(narrow.code).toBe(0);
  expect(narrow.checks.get('round trip')).toMatchObject({
    outcome: 'skipped',
    detail: expect.stringMatching(/TICKCAST\.DOCTOR/),
  });
  const none = await doctor({ ...env, TICKCAST_AUTH_SECRET: '' });
  expect(none.checks.get('edge')).toMatchObject({
    outcome: 'skipped',
    advice: expect.stringMatching(/TICKCAST_AUTH_SECRET/),
  });
});

test.concurrent('an edge that uses another prefix is found out by the round trip', async () => {
  const { code, checks } = await doctor({ ...env, TICKCAST_REDIS_PREFIX: 'other:' });
  expect(code).toBe(1);
  expect(checks.get('round trip')).toMatchObject({
    outcome: 'failed',
    advice: expect.stringMatching(/TICKCAST_REDIS_PREFIX/),
  });
});

test.concurrent('a Redis that throws away when it is full has failed', async () => {
  const lossy = await startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] });
  await runCli(['doctor', '--install'], { TICKCAST_REDIS_URL: lossy.url });
  const { code, stdout, stderr } = await runCli(['doctor'], { TICKCAST_REDIS_URL: lossy.url });
  expect(stdout).toMatch(/^FAILED {2}eviction: maxmemory-policy is allkeys-lru.*\n +-> .*noeviction/m);
  expect(stderr).toMatch(/1 of \d+ checks failed:\n {2}eviction: .*noeviction/);
  expect(code).toBe(1);
  await lossy.stop();
});

test.concurrent('a user of Redis who may not look is told so, and nothing has failed', async () => {
  await redis.cli('ACL', 'SETUSER', 'looker', 'on', '>looks', '-@all', '+ping', '+info');
  const url = redis.url.replace('//', '//looker:looks@');
  const { code, checks } = await doctor({ ...env, TICKCAST_REDIS_URL: url });
  expect(code).toBe(0);
  expect(checks.get('Function')).toMatchObject({ outcome: 'skipped', detail: expect.stringMatching(/NOPERM/) });
  expect(checks.get('clock')).toMatchObject({ detail: expect.stringMatching(/^the edge is \d+ ms/) });
});

test.concurrent('--install is about Redis and the Function alone', async () => {
  const { code, checks } = await doctor(env, '--install');
  expect(code).toBe(0);
  expect([...checks.keys()]).toEqual(['Redis', 'installation', 'Function']);
});
