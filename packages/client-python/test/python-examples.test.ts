/** The gallery's programs, run as they stand against a real edge. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type EdgeProcess,
  type ManagedProcess,
  type RedisServer,
  connectClient,
  eventually,
  mintToken,
  startEdge,
  startProcess,
  startRedis,
} from '@tickcast/testing';
import { PACKAGE, interpreter, sourceEnvironment } from './python.ts';

const PYTHON = interpreter(process.env['TICKCAST_TEST_PYTHON_LATEST']);
const STARTED_WITHIN_MS = 30_000;
const DONE_WITHIN_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'tickcast-examples-'));
let redis: RedisServer;
let edge: EdgeProcess;

beforeAll(async () => {
  redis = await startRedis();
  // Quotes are published as fast as they go here, and each is looked for.
  edge = await startEdge({ redisUrl: redis.url, env: { TICKCAST_MARKET_DATA_MAX_RATE: '1000' } });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(name: string, args: string[], token?: string): Promise<ManagedProcess> {
  const env = sourceEnvironment({ TICKCAST_URL: edge.url, TICKCAST_TOKEN: token ?? (await mintToken({ sub: name })) });
  return startProcess(PYTHON, [join(PACKAGE, 'examples', name), ...args], { cwd: folder, env });
}

function publish(stream: string, frame: object): Promise<string> {
  return redis.cli('FCALL', 'tickcast_publish', '1', `tickcast:${stream}`, JSON.stringify(frame));
}

function publishAlert(message: string): Promise<string> {
  const data = { level: 'warning', message, timestamp: 1701234567.89, source: 'monitoring' };
  return publish('{alerts}', { type: 'alerts', data });
}

const alertLine = (message: string) => `2023-11-29T05:09:27.890+00:00 WARNING monitoring ${message}`;

test.concurrent(
  'alerts_to_log.py writes each alert once and in order, over a kill, and those of meanwhile',
  async () => {
    const log = join(folder, 'alerts.log');
    const lines = () => readFileSync(log, 'utf8').split('\n').slice(0, -1);
    const first = await start('alerts_to_log.py', ['alerts.log']);
    await first.waitForLine(/^appending alerts/, STARTED_WITHIN_MS);
    await first.kill();

    await publishAlert('内存使用率超过80% 1');
    const second = await start('alerts_to_log.py', ['alerts.log']);
    await eventually(() => lines().length === 1, { withinMs: STARTED_WITHIN_MS });
    await publishAlert('two\nlines 2');
    await publishAlert('3');
    await eventually(() => lines().length === 3);
    await second.kill();

    appendFileSync(log, `${alertLine('4')}\n2023-11-29T05:0`);
    await publishAlert('4');
    await publishAlert('5');
    const third = await start('alerts_to_log.py', ['alerts.log']);
    await third.waitForLine(/^appending alerts/, STARTED_WITHIN_MS);
    await publishAlert('6');
    await eventually(() => lines().length === 6);
    const kept = () => JSON.parse(readFileSync(`${log}.position`, 'utf8')) as { seq: number; length: number };
    await eventually(() => kept().seq === 6);
    expect(kept().length).toBe(statSync(log).size);
    third.signal('SIGINT');
    expect(await third.exited).toEqual({ code: 0, signal: null });
    expect(lines()).toEqual(['内存使用率超过80% 1', 'two lines 2', '3', '4', '5', '6'].map(alertLine));
  },
  DONE_WITHIN_MS,
);

test.concurrent(
  'alerts_to_log.py says in the log what is gone for good',
  async () => {
    const position = { epoch: '1601234567891234-9f2c1a', seq: 41, length: 0 };
    writeFileSync(join(folder, 'late.log.position'), JSON.stringify(position));
    const program = await start('alerts_to_log.py', ['late.log']);
    const lost = /^\S+ LOST alerts_to_log some alerts are lost, from number 42 on$/m;
    await eventually(() => lost.test(readFileSync(join(folder, 'late.log'), 'utf8')), { withinMs: STARTED_WITHIN_MS });
    await program.kill();
  },
  DONE_WITHIN_MS,
);

test.concurrent(
  'quotes_to_bars.py makes bars with exact numbers, and a picture of them',
  async () => {
    const watcher = await connectClient(edge.url, { token: await mintToken({ sub: 'watcher' }) });
    await watcher.request({ type: 'hello' });
    await watcher.request({ type: 'subscribe', channel: 'market_data', symbol: '0700.HK' });
    /** One after the other has left the edge: of those that it gets together it sends the last. */
    const quote = async (minute: number, second: number, price: number, volume: number) => {
      const timestamp = 1701223200 + 60 * minute + second;
      const data = { timestamp, price, volume };
      const seq = await publish('{market_data:0700.HK}', { type: 'market_data', symbol: '0700.HK', data });
      await watcher.next((frame) => frame['seq'] === Number(seq));
    };
    await quote(-300, 0, 340, 1_000_000);
    const program = await start('quotes_to_bars.py', ['HK.700', '--bars', '3', '--png', 'quotes.png']);
    await program.waitForLine(/^collecting quotes/, STARTED_WITHIN_MS);
    await quote(0, 1, 352, 1_000_500);
    await quote(0, 30.5, 353.2, 1_001_000);
    await quote(0, 59.999, 351.8, 1_001_200);
    await quote(1, 0, 351.6, 1_001_200);
    // Nobody trades in minute 2, and with minute 3 another day begins, its volume at 0.
    await quote(3, 10, 352.4, 300);
    await quote(3, 20, 352.4, 700);
    await quote(4, 0, 999, 5000);
    expect(await program.exited).toEqual({ code: 0, signal: null });
    expect(program.lines().filter((line) => /^(time|20)/.test(line))).toEqual([
      'time,open,high,low,close,volume',
      '2023-11-29 02:00:00+00:00,352.0,353.2,351.8,351.8,1200.0',
      '2023-11-29 02:01:00+00:00,351.6,351.6,351.6,351.6,0.0',
      '2023-11-29 02:03:00+00:00,352.4,352.4,352.4,352.4,700.0',
    ]);
    const picture = readFileSync(join(folder, 'quotes.png'));
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([1000, 600]);
  },
  DONE_WITHIN_MS,
);

test.concurrent.each([
  ['completed', 0],
  ['failed', 1],
  ['cancelled', 3],
] as const)(
  'backtest_progress.py follows a backtest until it is %s, and exits with %i',
  async (status, code) => {
    const report = (progress: number, end?: string) =>
      publish(`{backtest_progress}:bt_${status}`, {
        type: 'backtest_progress',
        backtest_id: `bt_${status}`,
        data: {
          progress,
          current_date: '2022-06-15',
          total_days: 1000,
          completed_days: progress * 1000,
          estimated_remaining: 1800,
          ...(end === undefined ? {} : { status: end }),
        },
      });
    await report(0.25);
    const program = await start('backtest_progress.py', [`bt_${status}`]);
    const line = (bar: string, share: string, days: number, end: string) =>
      `bt_${status} [${bar.padEnd(30, '-')}] ${share}  2022-06-15  ${days} of 1000 days  ${end}`;
    await program.waitForLine(/25\.0%/, STARTED_WITHIN_MS);
    await report(0.5);
    await program.waitForLine(/50\.0%/);
    await report(0.6, status);
    expect(await program.exited).toEqual({ code, signal: null });
    expect(program.lines()).toEqual([
      line('########', ' 25.0%', 250, '0:30:00 left'),
      line('###############', ' 50.0%', 500, '0:30:00 left'),
      line('##################', ' 60.0%', 600, status),
    ]);
  },
  DONE_WITHIN_MS,
);

test.concurrent(
  'the programs say what is wrong when the server refuses them, and exit with a code of their own',
  async () => {
    const expired = await mintToken({ ttlSeconds: -60 });
    const refused = async (name: string, args: string[]) => {
      const program = await start(name, args, expired);
      const { code } = await program.exited;
      return { code, said: program.lines().filter((line) => line.startsWith(name.replace('.py', ':'))) };
    };
    const said = [expect.stringMatching(/^\w+: authentication_failed: .*token/)];
    expect(await refused('backtest_progress.py', ['bt_1'])).toEqual({ code: 4, said });
    expect(await refused('alerts_to_log.py', ['refused.log'])).toEqual({ code: 1, said });
    expect(await refused('quotes_to_bars.py', ['0700.HK'])).toEqual({ code: 1, said });
  },
  DONE_WITHIN_MS,
);
