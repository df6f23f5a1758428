/** Which events a last value stands for: what may be merged into it, and what would be lost. */
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { StreamId } from '@tickcast/protocol';
import * as fc from 'fast-check';
import {
  agent,
  ALERTS,
  backplaneOnRedis,
  backtest,
  goodFrame,
  type OnRedis,
  quotesOf,
  untilReady,
} from '../test/on-redis.ts';
import { ensureFunction } from './function-install.ts';
import { openStreams } from './stream-store.ts';

let { server, redis, names, publisher } = {} as OnRedis;
beforeAll(async () => {
  ({ server, redis, names, publisher } = await backplaneOnRedis(['--appendonly', 'yes']));
});
beforeEach(async () => {
  await server.cli('FLUSHALL');
});

const publish = (id: StreamId, status: string) => publisher.publish(id, goodFrame(id, { status }));

async function standsFrom({ channel, key }: StreamId): Promise<number | undefined> {
  return (await openStreams(redis, names, channel, key))[0]?.standsFrom;
}

/** What is answered after each of the events. */
async function afterEach(id: StreamId, ...statuses: string[]): Promise<Array<number | undefined>> {
  const answers: Array<number | undefined> = [];
  for (const status of statuses) {
    await publish(id, status);
    answers.push(await standsFrom(id));
  }
  return answers;
}

/** As version 1 wrote it. */
const forgetNotes = (id: StreamId) => redis.hdel(names.streamKey(id), 'kept', 'stands_from');
/** As another run of Redis wrote it. */
const ageBoot = (id: StreamId) => redis.hset(names.streamKey(id), 'boot', 'another');

test('the last quote stands for all before it', async () => {
  expect(await afterEach(quotesOf('A'), 'x', 'x', 'x')).toEqual([0, 0, 0]);
});

test('an alert stands for itself alone', async () => {
  expect(await afterEach(ALERTS, 'x', 'x', 'x')).toEqual([0, 1, 2]);
});

test('an agent’s last value shows one change of status: it stands for what followed the change before', async () => {
  const statuses = ['idle', 'idle', 'idle', 'running', 'running', 'idle', 'idle', 'error'];
  expect(await afterEach(agent('a'), ...statuses)).toEqual([0, 0, 0, 1, 1, 4, 4, 6]);
});

test('a backtest’s last value stands for all but an earlier terminal one', async () => {
  const statuses = ['running', 'running', 'completed', 'running', 'running', 'failed', 'failed', 'running'];
  expect(await afterEach(backtest('b'), ...statuses)).toEqual([0, 0, 0, 3, 3, 3, 6, 7]);
});

test('a stream without an event stands for nothing', async () => {
  for (const id of [quotesOf('A'), agent('a'), backtest('b'), ALERTS]) expect(await standsFrom(id)).toBe(0);
});

test('a new epoch begins anew', async () => {
  for (const id of [agent('a'), backtest('b')]) {
    for (const status of ['completed', 'idle', 'failed', 'idle']) await publish(id, status);
    await ageBoot(id);
    expect(await afterEach(id, 'idle', 'idle')).toEqual([0, 0]);
  }
});

test('a last value that outlived its epoch still stands for the same events of it', async () => {
  await publish(agent('a'), 'idle');
  await publish(agent('a'), 'running');
  await publish(agent('a'), 'idle');
  await publish(backtest('b'), 'completed');
  await publish(backtest('b'), 'running');
  await server.restart({ keepData: true });
  await untilReady(redis);
  await ensureFunction(redis);
  for (let time = 0; time < 2; time++) {
    const [ofAgent] = await openStreams(redis, names, 'agent_status', null);
    expect(ofAgent).toMatchObject({ key: 'a', seq: 0, frameSeq: 3, standsFrom: 2 });
    const [ofBacktest] = await openStreams(redis, names, 'backtest_progress', 'b');
    expect(ofBacktest).toMatchObject({ seq: 0, frameSeq: 2, standsFrom: 1 });
  }
  expect(await afterEach(agent('a'), 'running', 'idle')).toEqual([0, 1]);
  expect(await afterEach(backtest('b'), 'running', 'running')).toEqual([0, 0]);
});

test('of what version 1 published nothing is known: nothing is merged', async () => {
  for (const id of [agent('a'), backtest('b')]) {
    for (const status of ['idle', 'completed', 'idle']) await publish(id, status);
    await forgetNotes(id);
    expect(await standsFrom(id)).toBe(2);
    expect(await afterEach(id, 'idle')).toEqual([3]);
  }
  expect(await afterEach(agent('a'), 'idle', 'running', 'running', 'idle')).toEqual([3, 3, 3, 6]);
  expect(await afterEach(backtest('b'), 'idle', 'completed', 'idle')).toEqual([3, 3, 6]);
});

test('an edge of version 1 finds the first eight parts as they were, of one stream and of all', async () => {
  await publish(agent('a'), 'idle');
  for (const name of [names.streamKey(agent('a')), names.indexKey('agent_status')]) {
    const reply = (await redis.fcall('tickcast_open', 1, name)) as unknown[][];
    const { epoch, time, frame } = await redis.hgetall(names.streamKey(agent('a')));
    expect(reply).toEqual([['a', epoch, 1, time, '1', frame, epoch, 1, 0]]);
  }
});

type Step = { status: string } | 'new epoch' | 'version 1' | 'open';

const statuses = fc.constantFrom('idle', 'running', 'completed', 'failed');
const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ status: statuses }) },
    { weight: 1, arbitrary: fc.constantFrom<Step>('new epoch', 'version 1', 'open') },
  ),
  { maxLength: 30 },
);

/** Whether merging all events after `from` into the last one hides something; the first is events[0]. */
function hidesSomething(id: StreamId, events: readonly string[], from: number): boolean {
  if (id.channel === 'agent_status') {
    const changes = events.filter((status, i) => i >= from && status !== events[i - 1]);
    return changes.length > 1;
  }
  return events.slice(from, -1).some((status) => status === 'completed' || status === 'failed');
}

test.each([agent('model'), backtest('model')])(
  'whatever happens to %p, its last value stands for as much as it says, and no more',
  async (id) => {
    await fc.assert(
      fc.asyncProperty(steps, async (script: readonly Step[]) => {
        await server.cli('FLUSHALL');
        let events: string[] = [];
        let isNew = false;
        let unknownUpTo = 0;
        for (const step of script) {
          if (step === 'new epoch') {
            await ageBoot(id);
            isNew = true;
          } else if (step === 'version 1') {
            await forgetNotes(id);
            unknownUpTo = events.length;
          } else if (step !== 'open') {
            if (isNew) [events, unknownUpTo, isNew] = [[], 0, false];
            events.push(step.status);
            await publish(id, step.status);
          }
          // Opening writes too, where there is a new epoch; it need not come before the next event.
          if (events.length === 0 || step === 'new epoch') continue;
          const from = (await standsFrom(id)) ?? 0;
          expect(from).toBeLessThan(events.length);
          expect(hidesSomething(id, events, from)).toBe(false);
          expect(from <= unknownUpTo || hidesSomething(id, events, from - 1)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  },
);
