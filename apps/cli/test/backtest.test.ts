import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  cleanEnvironment,
  eventually,
  freePort,
  type ManagedProcess,
  type RedisServer,
  startProcess,
  startRedis,
} from '@tickcast/testing';
import { CLI, runCli } from './run-cli.ts';

const PRODUCERS = fileURLToPath(new URL('../../producers/dist/main.js', import.meta.url));
const SAMPLES = fileURLToPath(new URL('../../producers/samples', import.meta.url));
const CROSSOVER = ['--strategy', 'ma_crossover', '--symbol', '700.hk'];

let redis: RedisServer;
let env: NodeJS.ProcessEnv;

const backtest = (...args: string[]) => runCli(['backtest', ...args], env);

const startRun = (...args: string[]): Promise<ManagedProcess> =>
  startProcess(process.execPath, [CLI, 'backtest', ...args], { env: cleanEnvironment(env) });

function startWorker(): Promise<ManagedProcess> {
  return startProcess(process.execPath, [PRODUCERS], {
    env: cleanEnvironment({
      ...env,
      TICKCAST_HOST: '127.0.0.1',
      TICKCAST_PRODUCERS_ADMIN_PORT: '0',
      TICKCAST_ROLES: 'backtests',
      TICKCAST_DATA_DIR: SAMPLES,
    }),
  });
}

async function listed(id: string): Promise<unknown> {
  const { stdout } = await backtest('list', '--json');
  return (JSON.parse(stdout) as Array<{ id: string }>).find((entry) => entry.id === id);
}

beforeAll(async () => {
  redis = await startRedis();
  env = { TICKCAST_REDIS_URL: redis.url };
  await runCli(['doctor', '--install'], env);
});

afterAll(() => redis.stop());

describe('with a worker', () => {
  let worker: ManagedProcess;

  beforeAll(async () => {
    worker = await startWorker();
  });

  afterAll(() => worker.stop());

  test('run follows a backtest to its end and prints the result, with code 0', async () => {
    const { code, stdout, stderr } = await backtest('run', ...CROSSOVER);
    expect(stdout).toMatch(/^final equity +1,223,894\.29 HKD$/m);
    expect(stdout).toMatch(/^total return +22\.3894 %$/m);
    expect(stderr).toMatch(/^submitted bt_\w+\n[^]*100 % {2}2023-12-29 {2}completed\n$/);
    expect(code).toBe(0);
  });

  test('run takes the range, the parameters and the id, and --json prints the figures as they are', async () => {
    const span = ['--from', '2021-11-30', '--to', '2023-02-15', '--param', 'fast=5', '--param', 'slow=10'];
    const options = [...CROSSOVER, ...span, '--param', 'initial_cash=50000.5', '--id', 'bt_mine', '--json'];
    const { code, stdout } = await backtest('run', ...options);
    expect(JSON.parse(stdout)).toMatchObject({
      backtest_id: 'bt_mine',
      status: 'completed',
      result: { initial_cash: 50_000.5, first_date: '2021-11-30', last_date: '2023-02-15', days: 317 },
    });
    expect(code).toBe(0);
    expect(await listed('bt_mine')).toMatchObject({ state: 'completed' });
  });

  test('an interrupted run says how to go on, and the backtest goes on: follow shows it to its end', async () => {
    const run = await startRun('run', ...CROSSOVER, '--id', 'bt_long', '--days-per-second', '200');
    await run.waitForLine(/^ +\d+ % {2}.* left$/);
    // It is not to be over before it was looked at.
    worker.signal('SIGSTOP');
    run.signal('SIGINT');
    expect(await run.exited).toEqual({ code: 1, signal: null });
    expect(run.lines().join('\n')).toMatch(/bt_long goes on[^]*backtest follow bt_long[^]*backtest cancel bt_long/);
    expect(await listed('bt_long')).toMatchObject({ state: 'active', request: { symbol: '0700.HK' } });
    worker.signal('SIGCONT');
    const followed = await backtest('follow', 'bt_long');
    expect(followed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^final equity +1,223,894\.29 HKD$/m) });
  });

  test('following goes on while Redis is away', async () => {
    const run = await startRun('run', ...CROSSOVER, '--days-per-second', '100');
    await run.waitForLine(/^ +\d+ % {2}.* left$/);
    redis.pause();
    await run.waitForLine(/Redis does not answer/, 10_000);
    redis.resume();
    await run.waitForLine(/completed$/, 30_000);
    expect(await run.exited).toEqual({ code: 0, signal: null });
  }, 60_000);

  test('a run whose backtest Redis has lost ends with code 1 and says so; its worker says so too, and goes on', async () => {
    const run = await startRun('run', ...CROSSOVER, '--id', 'bt_lost', '--days-per-second', '10');
    await run.waitForLine(/^ +\d+ % {2}.* left$/);
    await redis.cli('FLUSHALL');
    expect(await run.exited).toEqual({ code: 1, signal: null });
    expect(run.lines().at(-1)).toMatch(/Redis has lost backtest bt_lost: submit it again/);
    await worker.waitForLine(
      /Redis does not know a job any more that was under way.*"bt_lost"|"bt_lost".*does not know/,
    );
    expect(await backtest('run', ...CROSSOVER, '--id', 'bt_lost')).toMatchObject({ code: 0 });
  }, 60_000);

  test('a run whose backtest is over without a last report ends and says why, with code 1', async () => {
    const run = await startRun('run', ...CROSSOVER, '--id', 'bt_endless', '--days-per-second', '10');
    await run.waitForLine(/^ +\d+ % {2}.* left$/);
    await worker.stop();
    const stream = 'tickcast:{backtest_progress}:bt_endless';
    // As Redis would take it from nobody, and so not with the end either.
    const frame = await redis.cli('HGET', stream, 'frame');
    await redis.cli('HSET', stream, 'frame', frame.replace(/"current_date":"[^"]+"/, '"current_date":7'));
    worker = await startWorker();
    expect(await run.exited).toEqual({ code: 1, signal: null });
    expect(run.lines().at(-1)).toMatch(/bt_endless is over \(failed: .*\), but Redis does not have its last report/);
  }, 60_000);

  test('cancel ends a running backtest, and whoever follows it is told, with code 1', async () => {
    const run = await startRun('run', ...CROSSOVER, '--id', 'bt_stop', '--days-per-second', '10');
    await run.waitForLine(/^ +\d+ % {2}.* left$/);
    expect(await backtest('cancel', 'bt_stop')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^bt_stop is /),
    });
    expect(await run.exited).toEqual({ code: 1, signal: null });
    expect(run.lines().at(-1)).toMatch(/backtest bt_stop was cancelled at 2021-/);
    await eventually(async () => expect(await listed('bt_stop')).toMatchObject({ state: 'cancelled' }));
  });

  test.each([
    ['an unknown strategy', ['--strategy', 'magic'], /there is no strategy "magic"; there are ma_crossover/],
    ['an unknown parameter', ['--param', 'quick=1'], /no parameter "quick"; it has fast, slow/],
    ['a range without data', ['--from', '1999-01-01', '--to', '1999-12-31'], /no bars/],
    ['a file that is not there', ['--data', 'nothing.csv'], /nothing\.csv/],
  ])('%s fails the backtest, with the reason and code 1', async (_what, options, reason) => {
    const { code, stdout, stderr } = await backtest('run', ...CROSSOVER, ...options, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'failed', error: expect.stringMatching(reason) });
    expect(stderr).toMatch(reason);
    expect(code).toBe(1);
  });
});

describe('without a worker', () => {
  test('a run says that nobody has taken it, and goes on when a worker comes', async () => {
    const run = await startRun('run', ...CROSSOVER);
    await run.waitForLine(/no worker has taken it for 10 s: is a producers process running/, 20_000);
    const worker = await startWorker();
    await run.waitForLine(/^final equity/, 20_000);
    expect(await run.exited).toEqual({ code: 0, signal: null });
    await worker.stop();
  }, 60_000);

  test('--detach prints the id; the backtest is listed, once, until it is cancelled', async () => {
    const submit = () => backtest('run', ...CROSSOVER, '--id', 'bt_waits', '--detach');
    expect(await submit()).toEqual({ code: 0, stdout: 'bt_waits\n', stderr: '' });
    expect(await submit()).toEqual({ code: 0, stdout: 'bt_waits\n', stderr: '' });
    const { stdout } = await backtest('list');
    expect(stdout.match(/^bt_waits +waiting +0 % .*ma_crossover +0700\.HK .*UTC$/gm)).toHaveLength(1);
    expect(await backtest('cancel', 'bt_waits')).toEqual({ code: 0, stdout: 'bt_waits is cancelled\n', stderr: '' });
    expect(await backtest('follow', 'bt_waits')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/was cancelled/),
    });
    expect(await submit()).toMatchObject({ code: 1, stderr: expect.stringMatching(/is over.*another id/) });
  });

  test('an id is of one request', async () => {
    await backtest('run', ...CROSSOVER, '--id', 'bt_one', '--detach');
    const { code, stderr } = await backtest('run', ...CROSSOVER, '--id', 'bt_one', '--param', 'fast=2', '--detach');
    expect(stderr).toMatch(/bt_one was submitted with another request: choose another id/);
    expect(code).toBe(1);
  });

  test.each(['cancel', 'follow'])('%s of a backtest that nobody submitted says where to look', async (command) => {
    const { code, stderr } = await backtest(command, 'bt_nobody');
    expect(stderr).toMatch(/there is no backtest bt_nobody: .*list/);
    expect(code).toBe(1);
  });

  test('without Redis the command says so, within a few seconds', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const { code, stderr } = await runCli(['backtest', 'list'], { TICKCAST_REDIS_URL: url });
    expect(stderr).toMatch(/Redis at 127\.0\.0\.1:\d+ [^]*TICKCAST_REDIS_URL/);
    expect(code).toBe(1);
  });
});

test.each([
  [[], /backtest takes one of run, follow, list, cancel/],
  [['walk'], /backtest takes one of run/],
  [['run', '--symbol', '0700.HK'], /--strategy NAME is needed/],
  [['run', '--strategy', 'x'], /--symbol SYMBOL is needed/],
  [['run', ...CROSSOVER, 'more'], /takes no argument "more"/],
  [['run', ...CROSSOVER, '--symbol', 'a b'], /"a b" can't be a symbol/],
  [['run', ...CROSSOVER, '--param', 'fast'], /--param "fast" is not NAME=NUMBER/],
  [['run', ...CROSSOVER, '--param', 'fast=soon'], /--param fast must be a number; it is "soon"/],
  [['run', ...CROSSOVER, '--days-per-second', ''], /--days-per-second must be a number/],
  [['run', ...CROSSOVER, '--from', '2021-02-30'], /from is no day of the calendar/],
  [['run', ...CROSSOVER, '--from', '2022-01-01', '--to', '2021-01-01'], /from .* must not be after to/],
  [['run', ...CROSSOVER, '--data', '../secret'], /data must /],
  [['run', ...CROSSOVER, '--id', 'a:b'], /id must be/],
  [['cancel'], /backtest cancel takes the ID of a backtest/],
  [['follow', 'a', 'b'], /backtest follow takes the ID/],
  [['list', 'all'], /takes no argument "all"/],
])('the wrong command line `backtest %j` is refused with code 2', async (args, reason) => {
  const { code, stderr } = await backtest(...args);
  expect(stderr).toMatch(reason);
  expect(code).toBe(2);
});
