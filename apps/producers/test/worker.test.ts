import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createBacktests } from '@tickcast/jobs';
import { cleanEnvironment, eventually, freePort, type RedisServer, startRedis } from '@tickcast/testing';
import { startWorkerProcess } from './support/worker-process.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let redis: RedisServer;
const directory = mkdtempSync(join(tmpdir(), 'tickcast-worker-'));

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.stop();
  rmSync(directory, { recursive: true });
});

/** Runs a worker that is to refuse, to its end. */
function refusal(env: NodeJS.ProcessEnv, words: readonly string[] = []): { status: number | null; said: string } {
  const run = spawnSync(process.execPath, [MAIN, ...words], {
    env: cleanEnvironment({ TICKCAST_REDIS_URL: redis.url, TICKCAST_HOST: '127.0.0.1', ...env }),
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status: run.status, said: run.stdout + run.stderr };
}

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

test('a worker that can not do as it is told says why and ends', async () => {
  expect(refusal({ TICKCAST_ROLES: 'markets' })).toMatchObject({
    status: 2,
    said: expect.stringMatching(/TICKCAST_ROLES/),
  });
  expect(refusal({ TICKCAST_DATA_DIR: join(directory, 'none') })).toMatchObject({
    status: 2,
    said: expect.stringMatching(/TICKCAST_DATA_DIR/),
  });
  expect(refusal({}, ['replay'])).toMatchObject({ status: 2, said: expect.stringMatching(/replay FILE/) });

  const rules = file(
    'rules.json',
    '{"rules":[{"name":"hot","type":"agent_memory","level":"warning","percent":"much"}]}',
  );
  expect(refusal({ TICKCAST_ALERT_RULES: rules })).toMatchObject({
    status: 2,
    said: expect.stringMatching(/"hot".*percent/),
  });

  const ticks = file('ticks.csv', 'timestamp,symbol,price,volume\n2021-01-04T09:30:00,0700.HK,dear,100\n');
  const unreadable = refusal({ TICKCAST_ROLES: 'market' }, ['replay', ticks]);
  expect(unreadable).toMatchObject({ status: 1, said: expect.stringMatching(/ticks\.csv:2: price/) });

  const taken = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
  const refused = refusal({ TICKCAST_PRODUCERS_ADMIN_PORT: String(port) });
  taken.close();
  expect(refused).toMatchObject({ status: 1, said: expect.stringMatching(/TICKCAST_PRODUCERS_ADMIN_PORT/) });
}, 60_000);

test('a worker that can not go on hands back what it has in hand before it ends', async () => {
  const backtests = createBacktests({ redisUrl: redis.url, redisPrefix: 'tickcast:' });
  // A pipe, which the worker reads as far as we have written it; open for reading too, so that opening it waits for nobody.
  const ticks = join(directory, 'endless.csv');
  execFileSync('mkfifo', [ticks]);
  const feed = await open(ticks, 'r+');
  await feed.write('timestamp,symbol,price,volume\n2021-01-04T09:30:00,0700.HK,352,100\n');
  const worker = await startWorkerProcess({ redisUrl: redis.url, agentId: 'failing', words: ['replay', ticks] });
  await worker.process.waitForLine(/Redis is there/);
  const request = {
    strategy: 'buy_and_hold',
    symbol: '0700.HK',
    from: '2021-01-04',
    to: '2023-12-29',
    params: {},
    data: 'daily-bars.csv',
    days_per_second: 1,
  };
  await backtests.submit(request, 'bt_in_hand');
  await backtests.close();
  const stream = 'tickcast:{backtest_progress}:bt_in_hand';
  await eventually(async () => (await redis.cli('HGET', stream, 'frame')) !== '', { withinMs: 10_000 });
  await feed.write('2021-01-04T09:30:00,0700.HK,dear,100\n');
  await feed.close();
  expect(await worker.process.exited).toEqual({ code: 1, signal: null });
  expect(worker.process.lines().filter((line) => line.includes('handed a job back'))).toHaveLength(1);
  expect(await redis.cli('LRANGE', 'tickcast:{jobs}:backtests:wait', '0', '-1')).toBe('bt_in_hand');
}, 30_000);

test('without Redis a worker is alive but not ready; SIGTERM ends it with code 0 all the same', async () => {
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const worker = await startWorkerProcess({ redisUrl, agentId: 'early' });
  expect((await fetch(`${worker.adminUrl}/livez`)).status).toBe(200);
  expect((await fetch(`${worker.adminUrl}/readyz`)).status).toBe(503);
  await worker.process.waitForLine(/waiting for Redis/);
  expect(await (await fetch(`${worker.adminUrl}/readyz`)).json()).toEqual({
    status: 'unready',
    reason: expect.stringMatching(/^Redis was not reached yet: connect ECONNREFUSED/),
  });
  expect(await worker.process.stop()).toEqual({ code: 0, signal: null });
});

test('a worker that Redis does not let in says so, once', async () => {
  await redis.cli('ACL', 'SETUSER', 'somebody', 'on', '>PASSWORD', '+@all', '~*', '&*');
  const redisUrl = redis.url.replace('://', '://somebody:wrong@');
  const worker = await startWorkerProcess({ redisUrl, agentId: 'stranger' });
  await worker.process.waitForLine(/waiting for Redis/);
  const reason = async () => (await (await fetch(`${worker.adminUrl}/readyz`)).json()) as { reason: string };
  await eventually(async () => /WRONGPASS/.test((await reason()).reason));
  await worker.process.stop();
  const said = worker.process.lines().filter((line) => line.includes('WRONGPASS'));
  expect(said).toHaveLength(1);
  expect(said[0]).not.toContain('wrong@');
});

test('the admin port has health, the figures of the queues, and the queues on a page that can be looked at only', async () => {
  const worker = await startWorkerProcess({ redisUrl: redis.url, agentId: 'one' });
  const get = (path: string) => fetch(`${worker.adminUrl}${path}`);
  await eventually(async () => (await get('/readyz')).status === 200);
  // On a busy machine Redis may not answer in the time that the figures are given.
  await eventually(async () => {
    const metrics = await (await get('/metrics')).text();
    for (const queue of ['backtests', 'dead-letters']) {
      expect(metrics).toContain(`tickcast_queue_jobs{queue="${queue}",state="waiting"} 0`);
      expect(metrics).toContain(`tickcast_queue_oldest_seconds{queue="${queue}"} 0`);
    }
    expect(metrics).toContain('tickcast_process_cpu_user_seconds_total');
  });

  expect(await (await get('/queues')).text()).toContain('<html');
  const { queues } = (await (await get('/queues/api/queues')).json()) as { queues: Array<Record<string, unknown>> };
  expect(queues.map(({ name, readOnlyMode }) => [name, readOnlyMode])).toEqual([
    ['backtests', true],
    ['dead-letters', true],
  ]);
  const change = await fetch(`${worker.adminUrl}/queues/api/queues/backtests/pause`, { method: 'PUT' });
  expect(change.status).toBe(405);

  const unknown = await get('/connz');
  expect([unknown.status, await unknown.json()]).toMatchObject([
    404,
    { paths: ['/livez', '/readyz', '/metrics', '/queues'] },
  ]);
  expect(await worker.process.stop()).toEqual({ code: 0, signal: null });
});

test('TICKCAST_QUEUE_BOARD=manage lets one change the queues, off takes the page away', async () => {
  const env = (board: string) => ({ TICKCAST_QUEUE_BOARD: board });
  const manager = await startWorkerProcess({ redisUrl: redis.url, agentId: 'manager', env: env('manage') });
  const change = await fetch(`${manager.adminUrl}/queues/api/queues/backtests/pause`, { method: 'PUT' });
  expect(change.status).toBe(200);
  expect(await redis.cli('HGET', 'tickcast:{jobs}:backtests:meta', 'paused')).toBe('1');
  await fetch(`${manager.adminUrl}/queues/api/queues/backtests/resume`, { method: 'PUT' });
  const plain = await startWorkerProcess({ redisUrl: redis.url, agentId: 'plain', env: env('off') });
  expect((await fetch(`${plain.adminUrl}/queues`)).status).toBe(404);
  await Promise.all([manager.process.stop(), plain.process.stop()]);
});
