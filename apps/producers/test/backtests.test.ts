/** What somebody sees who submits a backtest, follows it and cancels it. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createBacktests } from '@tickcast/jobs';
import { eventually, freePort } from '@tickcast/testing';
import {
  type BacktestsWorld,
  endsOf,
  expectOneStory,
  jobThatIs,
  REDIS_PREFIX,
  requestOf,
  startBacktestsWorld,
  undisturbed,
} from './support/backtests.ts';
import type { WorkerProcess } from './support/worker-process.ts';

let world: BacktestsWorld;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await startBacktestsWorld();
  worker = await world.startWorker('worker-a', { TICKCAST_BACKTEST_CONCURRENCY: '2' });
}, 30_000);

afterAll(() => world.end());

async function ended(id: string, withinMs = 15_000) {
  const events = await eventually(() => endsOf(world.published.of(id)).length > 0 && world.published.of(id), {
    withinMs,
  });
  if (events === false) throw new Error('unreachable');
  return events;
}

test('a backtest reports its start, each percent at most ten times a second, and its summary at the end', async () => {
  const request = requestOf({ days_per_second: 100 });
  const id = await world.backtests.submit(request);
  const events = await ended(id);
  expectOneStory(events);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));

  expect(events[0]?.data).toMatchObject({ status: 'running', progress: 0, completed_days: 0, total_days: 260 });
  expect(events[0]?.data.current_date).toBe('2021-01-04');
  // 2.6 s at this pace.
  expect(events[0]?.data.estimated_remaining).toBeCloseTo(2.6, 1);
  expect(events.length).toBeGreaterThan(5);
  expect(events.length).toBeLessThan(2 + 10 * 10);
  for (const { data } of events) expect(data.progress).toBeCloseTo(data.completed_days / 260, 4);

  const end = events.at(-1)?.data;
  expect(end).toMatchObject({ status: 'completed', progress: 1, completed_days: 260, estimated_remaining: 0 });
  expect(end?.current_date).toBe('2021-12-31');
  expect(end?.result).toEqual(await undisturbed(request));
});

test('a backtest that need not be watched is over at once, and is listed with its request', async () => {
  const request = requestOf({ strategy: 'buy_and_hold', params: {} });
  const id = await world.backtests.submit(request, 'bt_at-once');
  expect((await ended(id)).at(-1)?.data.result).toEqual(await undisturbed(request));
  await eventually(async () => {
    const entry = (await world.backtests.list()).find((one) => one.id === id);
    expect(entry).toMatchObject({ state: 'completed', progress: 1, currentDate: '2021-12-31', request, error: '' });
  });
});

test('a job that runs again publishes nothing, and returns the same', async () => {
  const id = await world.backtests.submit(requestOf());
  const before = (await ended(id)).length;
  const job = await jobThatIs('completed', id, world);
  const outcome: unknown = job.returnvalue;
  // Redis knows the event id of the end for 5 minutes; it must not depend on that.
  await world.redis.cli('DEL', `tickcast:{backtest_progress}:${id}:id:end`);
  await job.retry('completed');
  const again = await eventually(async () => {
    const found = await jobThatIs('completed', id, world);
    expect(found.attemptsStarted).toBe(2);
    return found;
  });
  expect(again.returnvalue).toEqual(outcome);
  expect(world.published.of(id)).toHaveLength(before);
});

test('a backtest is cancelled by its worker within a second, and cancelling it again says that it is over', async () => {
  const id = await world.backtests.submit(requestOf({ days_per_second: 10 }));
  await eventually(() => world.published.of(id).length > 2, { withinMs: 10_000 });
  expect(await world.backtests.cancel(id)).toBe('stopping');
  const asked = world.published.of(id).at(-1)?.data.completed_days ?? 0;
  const events = await ended(id);
  // The contract's second, and what a busy machine takes, in days of 0.1 s: a process that is held up has none.
  expect((events.at(-1)?.data.completed_days ?? 0) - asked).toBeLessThan(25);
  expectOneStory(events);
  expect(events.at(-1)?.data.status).toBe('cancelled');
  await expect(world.backtests.cancel(id)).rejects.toMatchObject({ code: 'already_finished' });
  await eventually(async () => {
    const entry = (await world.backtests.list()).find((one) => one.id === id);
    expect(entry?.state).toBe('cancelled');
  });
});

test('a backtest that waits is cancelled at once: its end is published, and its job gone', async () => {
  const busy = [await world.backtests.submit(requestOf({ days_per_second: 5 }))];
  busy.push(await world.backtests.submit(requestOf({ days_per_second: 5 })));
  await eventually(() => busy.every((id) => world.published.of(id).length > 0), { withinMs: 10_000 });
  const id = await world.backtests.submit(requestOf());
  expect(await world.backtests.cancel(id)).toBe('cancelled');
  const events = await ended(id);
  expect(events.map(({ data }) => data.status)).toEqual(['cancelled']);
  expect(await world.queue.getJob(id)).toBeUndefined();

  await Promise.all(busy.map((one) => world.backtests.cancel(one)));
  await Promise.all(busy.map((one) => ended(one)));
  expect(world.published.of(id)).toHaveLength(1);
});

test('a new backtest under the id of one that was cancelled and is forgotten runs to its end', async () => {
  const id = await world.backtests.submit(requestOf({ days_per_second: 10 }), 'bt_reused');
  await eventually(() => world.published.of(id).length > 0, { withinMs: 10_000 });
  expect(await world.backtests.cancel(id)).toBe('stopping');
  await (await jobThatIs('completed', id, world)).remove();
  // As after a week.
  const stream = `tickcast:{backtest_progress}:${id}`;
  await world.redis.cli('DEL', stream, `${stream}:id:end`, `${stream}:id:0`);
  await world.backtests.submit(requestOf(), id);
  await eventually(() => endsOf(world.published.of(id)).length === 2, { withinMs: 10_000 });
  expect(world.published.of(id).at(-1)?.data.status).toBe('completed');
});

test('what can not be submitted or cancelled is refused with what to do', async () => {
  const { backtests } = world;
  const bad = { ...requestOf({ from: '2021-13-01' }), more: 1 };
  await expect(backtests.submit(bad)).rejects.toMatchObject({ code: 'invalid_request', message: 'more is unknown' });
  await expect(backtests.submit(requestOf(), 'no:id')).rejects.toMatchObject({ code: 'invalid_request' });
  await expect(backtests.cancel('bt_nobody')).rejects.toMatchObject({ code: 'unknown_backtest' });
  await expect(backtests.submit(requestOf(), 'bt_at-once')).rejects.toMatchObject({ code: 'id_taken' });
});

test('submitting the same twice is one backtest; another request under its id is refused', async () => {
  const request = requestOf({ days_per_second: 20 });
  const id = await world.backtests.submit(request, 'bt_twice');
  expect(await world.backtests.submit(request, id)).toBe(id);
  await expect(world.backtests.submit(requestOf(), id)).rejects.toMatchObject({ code: 'id_taken' });
  await eventually(() => world.published.of(id).length > 0, { withinMs: 10_000 });
  await world.backtests.cancel(id);
  expectOneStory(await ended(id));
});

test('without Redis every call fails within seconds, and says so', async () => {
  const redisUrl = `redis://127.0.0.1:${await freePort()}`;
  const nowhere = createBacktests({ redisUrl, redisPrefix: REDIS_PREFIX });
  const refusal = { code: 'backplane_unavailable', message: expect.stringContaining('127.0.0.1') };
  await expect(nowhere.list()).rejects.toMatchObject(refusal);
  await expect(nowhere.submit(requestOf())).rejects.toMatchObject(refusal);
  await nowhere.close();
});

test('the worker counts how its backtests ended', async () => {
  // It counts an end after it has published it.
  await eventually(async () => {
    const page = await (await fetch(`${worker.adminUrl}/metrics`)).text();
    const count = (status: string): number =>
      Number(new RegExp(`tickcast_backtests_finished_total\\{status="${status}"\\} (\\d+)`).exec(page)?.[1] ?? 0);
    expect(count('completed')).toBe(4);
    expect(count('cancelled')).toBe(5);
  });
});
