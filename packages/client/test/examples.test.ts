/** The gallery's programs, run as they are. The board has `browser.test.ts`. */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type EdgeProcess,
  type RedisServer,
  cleanEnvironment,
  eventually,
  mintToken,
  startEdge,
  startProcess,
  startRedis,
} from '@tickcast/testing';
import { alertFrame } from './browser-frames.ts';

const EXAMPLES = join(import.meta.dirname, '../examples');
const WITHIN = { withinMs: 15_000 };

let redis: RedisServer;
let edge: EdgeProcess;
let token: string;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tickcast-examples-'));
  redis = await startRedis();
  edge = await startEdge({ redisUrl: redis.url });
  token = await mintToken();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runExample = (name: string, args: readonly string[], env: NodeJS.ProcessEnv = { TICKCAST_TOKEN: token }) =>
  startProcess(process.execPath, [join(EXAMPLES, name), ...args], { env: cleanEnvironment(env) });

const publish = (key: string, frame: string) => redis.cli('FCALL', 'tickcast_publish', '1', `tickcast:${key}`, frame);

test.concurrent(
  'each alert is in the log once, in order, over kills, a torn line, restarts and a new numbering',
  async () => {
    const file = join(folder, 'alerts.log');
    const lines = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []);
    const messages = () => lines().map((line) => (JSON.parse(line) as { message?: string }).message);
    let published = 0;
    const alerts = async (count: number) => {
      for (const end = published + count; published < end;) await publish('{alerts}', alertFrame(`n ${++published}`));
    };
    const untilAll = () => eventually(() => expect(messages()).toContain(`n ${published}`), WITHIN);

    const first = await runExample('alerts-to-log.mjs', [edge.url, file]);
    await eventually(() => expect(lines()).toHaveLength(1), WITHIN);
    await alerts(3);
    await untilAll();
    await first.kill();
    appendFileSync(file, '{"epoch":"a line that was cut sh');
    await alerts(3);

    const second = await runExample('alerts-to-log.mjs', [edge.url, file]);
    await untilAll();
    await alerts(2);
    await untilAll();
    expect(await second.stop()).toEqual({ code: 0, signal: null });
    await alerts(1);

    // Meanwhile the stream is numbered anew: what it was before can't be had any more, and is said to be lost.
    await redis.cli('DEL', ...(await redis.cli('KEYS', 'tickcast:{alerts}*')).split('\n'));
    await alerts(2);
    const third = await runExample('alerts-to-log.mjs', [edge.url, file]);
    await untilAll();
    await third.kill();
    await alerts(1);

    const fourth = await runExample('alerts-to-log.mjs', [edge.url, file]);
    await untilAll();
    await fourth.stop();
    const logged = messages().filter((message) => message !== undefined);
    expect(logged).toEqual(Array.from({ length: published }, (_, n) => `n ${n + 1}`).filter((each) => each !== 'n 9'));
    // Said again by a run that was killed before the new numbering had its name.
    expect(lines().filter((line) => line.includes('"gap":{"from":9,"to":null'))).not.toHaveLength(0);
  },
);

const report = (id: string, progress: number, status: string) =>
  JSON.stringify({
    type: 'backtest_progress',
    backtest_id: id,
    data: { progress, current_date: '2022-06-15', total_days: 10, completed_days: 1, estimated_remaining: 90, status },
  });

test.concurrent.each([
  ['completed', 0],
  ['failed', 1],
  ['cancelled', 1],
])(
  'a backtest is followed until it is %s, which is exit code %i; who comes later is told too',
  async (status, code) => {
    const id = `bt_${status}`;
    const follow = () => runExample('backtest-progress.mjs', [edge.url, id]);
    const key = `{backtest_progress}:${id}`;
    await publish(key, report(id, 0.25, 'running'));
    const program = await follow();
    await program.waitForLine(/^\[#######-+\] {2}25 % {2}2022-06-15 {2}2 min left$/, WITHIN.withinMs);
    await publish(key, report(id, 1, status));
    expect(await program.exited).toEqual({ code, signal: null });
    expect(program.lines().at(-1)).toBe(`[${'#'.repeat(30)}] 100 %  2022-06-15  ${status}`);
    const later = await follow();
    expect(await later.exited).toEqual({ code, signal: null });
  },
);

test.concurrent('what can’t be followed says why: a bad token is exit code 3, a missing one 2', async () => {
  const args = [edge.url, 'bt_any'];
  const refused = await runExample('backtest-progress.mjs', args, { TICKCAST_TOKEN: 'not.a.token' });
  expect(await refused.exited).toEqual({ code: 3, signal: null });
  expect(refused.lines().join('\n')).toContain('authentication_failed');
  const missing = await runExample('backtest-progress.mjs', args, {});
  expect(await missing.exited).toEqual({ code: 2, signal: null });
  expect(missing.lines().join('\n')).toContain('usage:');
});
