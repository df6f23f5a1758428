/** One backtest and two workers: what the first one does once the other has it, and how it gives it away. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import type { BacktestReport } from '@tickcast/jobs';
import { eventually } from '@tickcast/testing';
import {
  type BacktestsWorld,
  endsOf,
  expectOneStory,
  jobThatIs,
  requestOf,
  startBacktestsWorld,
  undisturbed,
} from './support/backtests.ts';

/** 17 s: on a busy machine a test takes some to do something in the middle of it. */
const REQUEST = requestOf({ days_per_second: 15 });

/** The header and the bars of the sample, without the last day of the year. */
const YEAR = readFileSync(new URL('../samples/daily-bars.csv', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('timestamp') || (line.includes('0700.HK') && line < '2021-12-31'));

const worlds: BacktestsWorld[] = [];

afterAll(() => Promise.all(worlds.map((world) => world.end())));

async function newWorld(): Promise<BacktestsWorld> {
  const world = await startBacktestsWorld();
  worlds.push(world);
  return world;
}

/** What Redis has of a backtest whose worker is held up or gone: its last report may still be on the way to us. */
async function daysOf({ redis }: BacktestsWorld, id: string): Promise<number> {
  const frame = await redis.cli('HGET', `tickcast:{backtest_progress}:${id}`, 'frame');
  return (JSON.parse(frame) as { data: BacktestReport }).data.completed_days;
}

/** Waits for the first report of more days, and answers when it came. */
async function goesOn({ published }: BacktestsWorld, id: string, days: number): Promise<number> {
  const next = await eventually(
    () => {
      const event = published.of(id).find(({ data }) => data.completed_days > days);
      if (event === undefined) throw new Error(`nothing after day ${days}`);
      return event;
    },
    { withinMs: 25_000 },
  );
  return next.at;
}

/** Two workers, of which the first has the backtest: one that was started only now might come too late. */
async function startTwo(world: BacktestsWorld) {
  const env = { TICKCAST_LOG_LEVEL: 'debug' };
  const workers = await Promise.all(['one', 'two'].map((name) => world.startWorker(name, env)));
  const id = await world.backtests.submit(REQUEST);
  const isTaking = (line: string): boolean => line.includes('"took a job"') && line.includes(`"${id}"`);
  return eventually(
    () => {
      const first = workers.find(({ process }) => process.lines().some(isTaking));
      const second = workers.find((worker) => worker !== first);
      if (first === undefined || second === undefined) throw new Error(`no worker has ${id}`);
      return { id, first, second };
    },
    { withinMs: 15_000 },
  );
}

async function ended({ published }: BacktestsWorld, id: string): Promise<void> {
  await eventually(() => endsOf(published.of(id)).length > 0, { withinMs: 40_000 });
  expectOneStory(published.of(id));
  expect(published.of(id).at(-1)?.data).toMatchObject({ status: 'completed', result: await undisturbed(REQUEST) });
}

test.concurrent(
  'a worker that was stopped past its lock publishes nothing more when it goes on, and the other one has taken over within 15 s',
  async () => {
    const world = await newWorld();
    const { id, first, second } = await startTwo(world);
    await goesOn(world, id, 20);
    first.process.signal('SIGSTOP');
    const stoppedAt = performance.now();
    const days = await daysOf(world, id);
    expect((await goesOn(world, id, days)) - stoppedAt).toBeLessThan(15_000);

    first.process.signal('SIGCONT');
    await first.process.waitForLine(/lost the lock of a job/);
    await ended(world, id);
    await second.process.waitForLine(/a backtest is over/);
    expect(first.process.lines().join('\n')).not.toContain('a backtest is over');
  },
  90_000,
);

test.concurrent(
  "a killed worker's backtest goes on within 15 s",
  async () => {
    const world = await newWorld();
    const { id, first } = await startTwo(world);
    await goesOn(world, id, 20);
    await first.process.kill();
    const killedAt = performance.now();
    expect((await goesOn(world, id, await daysOf(world, id))) - killedAt).toBeLessThan(15_000);
    await ended(world, id);
  },
  90_000,
);

test.concurrent(
  'a worker that is told to stop hands its backtest back: the other one goes on at once, where the first one was',
  async () => {
    const world = await newWorld();
    const { id, first } = await startTwo(world);
    await goesOn(world, id, 90);
    expect(await first.process.stop()).toEqual({ code: 0, signal: null });
    expect(first.process.lines().join('\n')).toContain('handed a job back');
    await ended(world, id);
    // It neither stalled, which takes 5 s at least, nor failed.
    const counts = { stalledCounter: 0, attemptsStarted: 2, attemptsMade: 1 };
    expect(await jobThatIs('completed', id, world)).toMatchObject(counts);
    const reports = world.published.of(id);
    const pauses = reports.slice(1).map(({ at }, index) => at - (reports[index]?.at ?? 0));
    // From the beginning it would have taken 6 s to come so far again.
    expect(Math.max(...pauses)).toBeLessThan(6000);
  },
  90_000,
);

test.concurrent(
  'a backtest whose worker is told to stop while nobody else is there waits for the next worker',
  async () => {
    const world = await newWorld();
    const first = await world.startWorker('first');
    const id = await world.backtests.submit(REQUEST);
    await goesOn(world, id, 20);
    await first.process.stop();
    expect(await world.queue.getJobCounts('wait', 'active')).toEqual({ wait: 1, active: 0 });
    const days = await daysOf(world, id);
    await world.startWorker('second');
    await goesOn(world, id, days);
    await ended(world, id);
  },
  90_000,
);

test.concurrent.each([
  { what: 'grew', rows: [...YEAR, '2021-12-31,0700.HK,470,475,465,472,1000'], isSaved: true },
  {
    what: 'grew before anything was saved',
    rows: [...YEAR, '2021-12-31,0700.HK,470,475,465,472,1000'],
    isSaved: false,
  },
  { what: 'got another last price', rows: [...YEAR.slice(0, -1), '2021-12-30,0700.HK,1,1,1,1,1'], isSaved: true },
])(
  'a backtest whose data $what between two workers has failed and says why: no figures of both, and progress does not go back',
  async ({ rows, isSaved }) => {
    const directory = await mkdtemp(join(tmpdir(), 'tickcast-data-'));
    const write = (lines: string[]) => writeFile(join(directory, 'growing.csv'), lines.join('\n'));
    const world = await newWorld();
    try {
      await write(YEAR);
      const first = await world.startWorker('first', { TICKCAST_DATA_DIR: directory });
      const id = await world.backtests.submit({ ...REQUEST, data: 'growing.csv' });
      await goesOn(world, id, 20);
      await first.process.stop();
      if (!isSaved) await world.redis.cli('HDEL', world.queue.toKey(id), 'progress');
      await write(rows);
      await world.startWorker('second', { TICKCAST_DATA_DIR: directory });
      await eventually(() => endsOf(world.published.of(id)).length > 0, { withinMs: 25_000 });
      expectOneStory(world.published.of(id));
      expect(world.published.of(id).at(-1)?.data).toMatchObject({
        status: 'failed',
        error: 'data: the bars have changed while it ran: submit it again',
        total_days: YEAR.length - 1,
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  },
  90_000,
);
