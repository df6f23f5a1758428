/** What becomes of a job that fails: it is tried again or given up, and what is given up is told and kept once. */
import { copyFile, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DEAD_LETTERS_QUEUE, closeQueue, openQueue, readQueueFigures } from '@tickcast/jobs';
import { eventually } from '@tickcast/testing';
import type { Job, JobsOptions, Queue } from 'bullmq';
import { type BacktestsWorld, jobThatIs, REDIS_PREFIX, requestOf, startBacktestsWorld } from './support/backtests.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const SAMPLE = new URL('../samples/daily-bars.csv', import.meta.url);
/** A folder can't be read now, but there may be a file in its place tomorrow. */
const UNREADABLE = 'unreadable.csv';
const TRIED_THRICE = { attempts: 3, backoff: { type: 'exponential', delay: 400 } };

let world: BacktestsWorld;
let worker: WorkerProcess;
let letters: Queue;
let dataDirectory: string;

beforeAll(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'tickcast-data-'));
  await copyFile(SAMPLE, join(dataDirectory, 'daily-bars.csv'));
  await mkdir(join(dataDirectory, UNREADABLE));
  world = await startBacktestsWorld();
  letters = openQueue(DEAD_LETTERS_QUEUE, { redisUrl: world.redis.url, redisPrefix: REDIS_PREFIX });
  letters.on('error', () => undefined);
  worker = await world.startWorker('worker-a', {
    TICKCAST_DATA_DIR: dataDirectory,
    TICKCAST_BACKTEST_CONCURRENCY: '4',
  });
}, 30_000);

afterAll(async () => {
  await closeQueue(letters);
  await world.end();
  await rm(dataDirectory, { recursive: true });
});

async function putIn(id: string, data: unknown, options: JobsOptions = {}): Promise<void> {
  await world.queue.add('backtest', data, { ...options, jobId: id });
}

const failed = (id: string): Promise<Job> => jobThatIs('failed', id, world);

const statusesOf = (id: string) => world.published.of(id).map(({ data }) => data.status);

/** When the worker said something of a job, Unix ms. */
function saidAt(text: string, id: string): number[] {
  const lines = worker.process.lines().map((line) => JSON.parse(line) as { time: number; msg: string; job?: string });
  return lines.filter(({ msg, job }) => msg.includes(text) && job === id).map(({ time }) => time);
}

test('a job that fails is tried again, with longer and longer pauses; then it is a dead letter, and its backtest has failed', async () => {
  const request = requestOf({ data: UNREADABLE });
  await putIn('bt_unreadable', request, TRIED_THRICE);
  const job = await failed('bt_unreadable');
  expect(job.attemptsMade).toBe(3);
  const [first = 0, second = 0] = saidAt('will be tried again', 'bt_unreadable');
  const [last = 0] = saidAt('failed for good', 'bt_unreadable');
  expect(second - first).toBeGreaterThanOrEqual(400);
  expect(last - second).toBeGreaterThanOrEqual(800);

  await eventually(() => statusesOf('bt_unreadable').length > 0);
  expect(world.published.of('bt_unreadable')).toMatchObject([{ seq: 1, data: { status: 'failed', progress: 0 } }]);
  const letter = await letters.getJob('backtests-bt_unreadable');
  expect(letter?.data).toEqual({
    queue: 'backtests',
    id: 'bt_unreadable',
    name: 'backtest',
    data: request,
    error: expect.stringContaining('EISDIR'),
    attempts: 3,
    failedAt: expect.any(Number),
  });
});

test('a job whose trouble is over in time ends well', async () => {
  const file = join(dataDirectory, 'late.csv');
  // A link to itself, for which a good file can be put in one step: no attempt finds none, or half of it.
  await symlink('late.csv', file);
  await copyFile(SAMPLE, join(dataDirectory, 'good.csv'));
  const request = requestOf({ data: 'late.csv' });
  await putIn('bt_late', request, { attempts: 30, backoff: { type: 'fixed', delay: 400 } });
  await eventually(() => saidAt('will be tried again', 'bt_late').length > 0, { withinMs: 15_000 });
  await rename(join(dataDirectory, 'good.csv'), file);
  await eventually(() => statusesOf('bt_late').includes('completed'), { withinMs: 15_000 });
  expect(await letters.getJob('backtests-bt_late')).toBeUndefined();
});

test.each([
  ['strategy', { strategy: 'crystal_ball' }, /no strategy "crystal_ball".*ma_crossover/],
  ['params', { params: { fastest: 1 } }, /fastest/],
  ['data', { data: 'nowhere.csv' }, /no file nowhere\.csv in the workers' data directory/],
  ['range', { from: '2030-01-01', to: '2030-12-31' }, /no bars of 0700\.HK from 2030-01-01/],
  ['order', { from: '2021-02-01', to: '2021-01-01' }, /must not be after/],
  ['field', { symbol: undefined }, /symbol is missing/],
])('a request whose %s is bad has failed at once, and its text says what to do', async (name, wrong, text) => {
  const id = `bt_bad_${name}`;
  await putIn(id, { ...requestOf(), ...wrong }, { attempts: 5, backoff: 60_000 });
  const job = await failed(id);
  expect(job.attemptsMade).toBe(1);
  expect(job.failedReason).toMatch(text);
  await eventually(() => statusesOf(id).length > 0);
  expect(statusesOf(id)).toEqual(['failed']);
  expect(world.published.of(id)[0]?.data.error).toMatch(text);
  // Where the workers keep their files is nobody's business.
  expect(job.failedReason).not.toContain(dataDirectory);
  expect((await letters.getJob(`backtests-${id}`))?.data).toMatchObject({ attempts: 1 });
});

test.each([
  ['a `from` of 70,000 characters', 'long', { from: 'x'.repeat(70_000) }],
  ['half a character in `from`', 'half', { from: '\uD83D' }],
  ['a field with half a character in its name', 'name', { 'f\uDE00': 1 }],
  ['a field whose name is cut within a character', 'cut', { ['\u{1F600}'.repeat(400)]: 1 }],
  ['a field whose name is cut within the next character', 'odd', { [`a${'\u{1F600}'.repeat(400)}`]: 1 }],
])('a request with %s has an end too: it has failed', async (_what, name, wrong) => {
  const id = `bt_odd_${name}`;
  await putIn(id, { ...requestOf(), ...wrong }, { attempts: 5, backoff: 60_000 });
  await failed(id);
  await eventually(() => statusesOf(id).length > 0);
  expect(world.published.of(id)).toMatchObject([{ data: { status: 'failed', error: expect.any(String) } }]);
  expect(await letters.getJob(`backtests-${id}`)).toBeDefined();
});

test('a job whose end Redis refuses has failed for good all the same, and is a dead letter', async () => {
  const stream = 'tickcast:{backtest_progress}:bt_refused';
  const publish = ['FCALL', 'tickcast_publish', '1', stream];
  const data = { progress: 0, current_date: '', total_days: 1, completed_days: 0, estimated_remaining: 0 };
  const frame = (more: object) =>
    JSON.stringify({ type: 'backtest_progress', backtest_id: 'bt_refused', data: { ...data, ...more } });
  await world.redis.cli(...publish, frame({}));
  // Whatever the end takes over from it, Redis would not take from anybody.
  await world.redis.cli('HSET', stream, 'frame', frame({ progress: 'none' }));
  await putIn('bt_refused', requestOf({ strategy: 'none' }), { attempts: 5, backoff: 60_000 });
  expect(await failed('bt_refused')).toMatchObject({ attemptsMade: 1, failedReason: expect.stringMatching(/"none"/) });
  expect(await letters.getJob('backtests-bt_refused')).toBeDefined();
  expect(saidAt('could not be told', 'bt_refused')).toHaveLength(1);
});

test('a job that took eleven workers down without getting further is given up; one that got further is not', async () => {
  const { queue, redis } = world;
  await queue.pause();
  await putIn('bt_poison', requestOf(), { attempts: 5 });
  await putIn('bt_unlucky', requestOf(), { attempts: 5 });
  for (const id of ['bt_poison', 'bt_unlucky']) await redis.cli('HSET', queue.toKey(id), 'stc', '11');
  await redis.cli('HSET', queue.toKey('bt_unlucky'), 'progress', '{"stalls":5}');
  await queue.resume();
  expect((await failed('bt_poison')).failedReason).toMatch(/its worker died 11 times/);
  await eventually(() => statusesOf('bt_poison').length > 0);
  expect(statusesOf('bt_poison')).toEqual(['failed']);
  expect(await letters.getJob('backtests-bt_poison')).toBeDefined();
  await eventually(() => statusesOf('bt_unlucky').includes('completed'));
});

test('a job that has failed for good and runs again fails in the same way: one end, one dead letter', async () => {
  await putIn('bt_again', requestOf({ strategy: 'none' }));
  const job = await failed('bt_again');
  const { failedReason } = job;
  // As if its worker had died before it could put the letter in.
  await letters.remove('backtests-bt_again');
  await job.retry('failed');
  await eventually(async () => expect(await letters.getJob('backtests-bt_again')).toBeDefined());
  expect((await failed('bt_again')).failedReason).toBe(failedReason);
  const figures = await readQueueFigures(letters);
  await job.retry('failed');
  await eventually(async () => expect((await failed('bt_again')).attemptsStarted).toBe(3));
  expect((await readQueueFigures(letters)).waiting).toBe(figures.waiting);
  expect(statusesOf('bt_again')).toEqual(['failed']);
});

test('a job with an id that no stream can have is a dead letter, and nothing is published', async () => {
  await putIn('no key', requestOf());
  expect((await failed('no key')).failedReason).toMatch(/the id of the job must be/);
  expect(await letters.getJob('backtests-no key')).toBeDefined();
  expect(world.published.of('no key')).toEqual([]);
});

test('a job without an id of its own, as other languages put it in, is a backtest by its number', async () => {
  const job = await world.queue.add('anything', requestOf(), { removeOnComplete: true });
  await eventually(() => statusesOf(job.id ?? '').includes('completed'));
});

test('of dead letters the newest 10,000 are kept', async () => {
  const old = Array.from({ length: 10_003 }, (_, index) => ({
    name: 'old',
    data: {},
    opts: { jobId: `old-${index}` },
  }));
  await letters.addBulk(old);
  await putIn('bt_newest', requestOf({ strategy: 'none' }));
  await failed('bt_newest');
  expect(await letters.getJob('backtests-bt_newest')).toBeDefined();
  expect((await readQueueFigures(letters)).waiting).toBe(10_000);
  expect(await letters.getJob('old-3')).toBeUndefined();
  expect(await letters.getJob('old-4')).toBeDefined();
}, 30_000);

test('the worker counts what it tried again and what it gave up', async () => {
  const page = await (await fetch(`${worker.adminUrl}/metrics`)).text();
  const count = (name: string): number =>
    Number(new RegExp(`tickcast_jobs_${name}_total\\{queue="backtests"\\} (\\d+)`).exec(page)?.[1] ?? 0);
  // How often before we had mended it, is a matter of time.
  const ofLate = saidAt('will be tried again', 'bt_late').length;
  expect(ofLate).toBeGreaterThan(0);
  expect(count('retried')).toBe(2 + ofLate);
  expect(count('dead_lettered')).toBe(19);
});
