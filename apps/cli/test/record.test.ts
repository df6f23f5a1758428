import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  cleanEnvironment,
  closeFrame,
  type EdgeProcess,
  eventually,
  freePort,
  type RedisServer,
  startEdge,
  startFaultProxy,
  startProcess,
  startRedis,
  TEST_SECRET,
} from '@tickcast/testing';
import { CLI, runCli } from './run-cli.ts';

let redis: RedisServer;
let edge: EdgeProcess;
let env: NodeJS.ProcessEnv;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tickcast-record-'));
  redis = await startRedis();
  edge = await startEdge({ redisUrl: redis.url });
  env = { TICKCAST_REDIS_URL: redis.url, TICKCAST_URL: edge.url, TICKCAST_AUTH_SECRET: TEST_SECRET };
});

afterAll(async () => {
  await edge?.stop();
  await redis.stop();
  await rm(folder, { recursive: true });
});

const alertFrame = (message: string) =>
  `{"type":"alerts","data":{"level":"info","message":"${message}","timestamp":1701234567.891234,"source":"test"}}`;
const AGENT =
  '{"type":"agent_status","agent_id":"a1","data":{"status":"running","cpu_usage":352.0,"memory_usage":2,"task_queue_size":0,"last_update":1701234567.891234}}';
const QUOTE = '{"type":"market_data","symbol":"0700.HK","data":{"timestamp":1,"price":352.0,"volume":1}}';

const publish = (stream: string, frame: string) =>
  redis.cli('FCALL', 'tickcast_publish', '1', `tickcast:{${stream}`, frame);

const startRecording = async (...args: string[]) => {
  const child = await startProcess(process.execPath, [CLI, 'record', ...args], { env: cleanEnvironment(env) });
  await child.waitForLine(/^recording at /);
  return child;
};

/** The lines of a file once it has so many, each whole. */
const linesOf = (path: string, count: number) =>
  eventually(
    async () => {
      const text = await readFile(path, 'utf8');
      const lines = text.trimEnd().split('\n');
      expect(lines).toHaveLength(count);
      expect(text).toMatch(/\n$/);
      return lines;
    },
    { withinMs: 15_000 },
  );

test('what needs no key is recorded until Ctrl-C, as it came, and is replayed as it was published', async () => {
  const path = join(folder, 'all.ndjson');
  const child = await startRecording(path);
  const startedAt = Date.now() / 1000;
  await publish('market_data:0700.HK}', QUOTE);
  await publish('alerts}', alertFrame('one'));
  await linesOf(path, 1);
  await publish('agent_status}:a1', AGENT);
  const [first = '', second = ''] = await linesOf(path, 2);
  child.signal('SIGINT');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.lines().at(-1)).toBe('recorded 2 events');

  const { received_at, channel, key, epoch, frame } = JSON.parse(first) as Record<string, unknown>;
  expect({ channel, key, epoch }).toEqual({ channel: 'alerts', key: null, epoch: expect.stringMatching(/^\d+-/) });
  expect(Number(received_at)).toBeGreaterThan(startedAt - 1);
  expect(Number(received_at)).toBeLessThan(Date.now() / 1000 + 1);
  expect(frame).toMatchObject({ seq: 1, published_at: expect.any(Number) });
  expect(first).toContain(`,${alertFrame('one').slice(1)}}`);
  expect(second).toMatch(/^\{"received_at":[\d.]+,"channel":"agent_status","key":"a1",/);
  expect(second).toContain(`,${AGENT.slice(1)}}`);

  await redis.cli('DEL', 'tickcast:{agent_status}:a1');
  expect(await runCli(['replay', path], env)).toMatchObject({ code: 0 });
  expect(await redis.cli('HGET', 'tickcast:{agent_status}:a1', 'frame')).toBe(AGENT);
});

test('--append goes on after the last alert of the file: what was published meanwhile is recorded', async () => {
  const path = join(folder, 'alerts.ndjson');
  const first = await startRecording(path, 'alerts', '--count', '1');
  await publish('alerts}', alertFrame('before'));
  expect(await first.exited).toEqual({ code: 0, signal: null });
  await publish('alerts}', alertFrame('meanwhile'));

  expect(await runCli(['record', path, 'alerts'], env)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/is there already: .*--append/),
  });
  expect(await runCli(['record', path, 'alerts', '--append', '--count', '1'], env)).toMatchObject({ code: 0 });
  const [, second] = await linesOf(path, 2);
  expect(second).toContain('"meanwhile"');
});

test('a gap is a line of its own, and the exit code is 3', async () => {
  const path = join(folder, 'gap.ndjson');
  const epoch = '1701234567891234-9f2c1a';
  const frame = `{"seq":41,"published_at":1.5,${alertFrame('of a Redis that is gone').slice(1)}`;
  // Its end was cut off, but the line is whole.
  await writeFile(path, `{"received_at":1,"channel":"alerts","key":null,"epoch":"${epoch}","frame":${frame}}`);
  const { code, stderr } = await runCli(['record', path, 'alerts', '--append', '--count', '1'], env);
  expect(stderr).toMatch(/gap in alerts: from #42 on will not come \(an unknown number of events\)/);
  expect(stderr).toMatch(/events are missing: .* has 1 gaps/);
  expect(code).toBe(3);
  const lines = await linesOf(path, 3);
  const gap = lines.find((line) => line.includes('"gap"')) ?? '';
  expect(JSON.parse(gap)).toMatchObject({ channel: 'alerts', epoch, gap: { from: 42, to: null, declared: true } });
});

test('quotes are recorded by their symbols, on stdout where FILE is -', async () => {
  const child = await startRecording('-', 'market_data:700.hk', 'market_data:5.HK', '--count', '2');
  await publish('market_data:0005.HK}', QUOTE.replace('0700', '0005'));
  expect(await child.exited).toEqual({ code: 0, signal: null });
  const lines = child.lines().filter((line) => line.startsWith('{'));
  expect(lines.map((line) => (JSON.parse(line) as { key: string }).key)).toEqual(['0700.HK', '0005.HK']);
  expect(lines[0]).toContain('"snapshot":true');
});

test('--for ends a recording after a time, also when nothing came', async () => {
  const { code, stdout, stderr } = await runCli(['record', '-', 'agent_status:nobody', '--for', '1s'], env);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).toMatch(/^recorded 0 events$/m);
});

test('a recording that fails ends at once, whatever --for says', async () => {
  const proxy = await startFaultProxy(edge.port);
  const url = edge.url.replace(String(edge.port), String(proxy.port));
  const child = await startRecording(join(folder, 'failed.ndjson'), 'alerts', '--for', '10m', '--url', url);
  // The end for good, and not before the recording has begun.
  proxy.inject(closeFrame(1003), 'to-client');
  expect(await child.exited).toEqual({ code: 1, signal: null });
  expect(child.lines().join('\n')).toMatch(/protocol_violated/);
  proxy.close();
});

test('--for longer than a timer can wait is refused', async () => {
  expect(await runCli(['record', join(folder, 'long.ndjson'), 'alerts', '--for', '30d'], env)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--for takes 24d at most/),
  });
});

test('bench counts every quote for every client, and tells how long they took', async () => {
  const args = ['bench', '--seconds', '1', '--rate', '20', '--clients', '3', '--json'];
  const { code, stdout } = await runCli(args, env);
  const { published, delivered, merged, lost, latency_ms } = JSON.parse(stdout) as Record<string, number> & {
    latency_ms: { p50: number; p99: number; max: number };
  };
  expect({ published, accounted: Number(delivered) + Number(merged), lost }).toEqual({
    published: 20,
    accounted: 60,
    lost: 0,
  });
  expect(latency_ms.p50).toBeGreaterThan(0);
  expect(latency_ms.max).toBeGreaterThanOrEqual(latency_ms.p99);
  expect(code).toBe(0);
});

test('bench says when there is no edge, or no Redis', async () => {
  const nobody = `127.0.0.1:${await freePort()}`;
  const withoutEdge = runCli(['bench', '--clients', '1'], { ...env, TICKCAST_URL: `ws://${nobody}/` });
  const withoutRedis = runCli(['bench'], { ...env, TICKCAST_REDIS_URL: `redis://${nobody}` });
  expect(await withoutEdge).toMatchObject({ code: 1, stderr: expect.stringMatching(/refused[^]*npm start/) });
  expect(await withoutRedis).toMatchObject({ code: 1, stderr: expect.stringMatching(/TICKCAST_REDIS_URL/) });
});
