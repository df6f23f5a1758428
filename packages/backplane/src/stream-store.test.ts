/** Epochs and last values: what an edge reads when it opens streams, before and after Redis lost something. */
import { beforeAll, expect, test } from '@jest/globals';
import type { Channel } from '@tickcast/protocol';
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
import { openStreams, type StoredStream } from './stream-store.ts';

let { server, redis, names, publisher } = {} as OnRedis;
beforeAll(async () => {
  // The default save interval of the log, so that a restart after SIGKILL finds everything.
  ({ server, redis, names, publisher } = await backplaneOnRedis(['--appendonly', 'yes']));
});

async function openOne(channel: Channel, key: string | null): Promise<StoredStream> {
  const opened = await openStreams(redis, names, channel, key);
  expect(opened).toHaveLength(1);
  return opened[0] as StoredStream;
}

async function restart(keepData: boolean): Promise<void> {
  await server.restart({ keepData });
  await untilReady(redis);
  await ensureFunction(redis);
}

test('a stream that was never published has an epoch, which its first event continues', async () => {
  const before = await openOne('market_data', 'NEW');
  expect(before).toMatchObject({ key: 'NEW', seq: 0, frame: null, publishedAt: '' });
  // Clients can name any number of them.
  expect(await redis.pttl(names.streamKey(quotesOf('NEW')))).toBeLessThanOrEqual(60_000);
  await publisher.publish(quotesOf('NEW'), goodFrame(quotesOf('NEW')));
  expect(await openOne('market_data', 'NEW')).toMatchObject({ epoch: before.epoch, seq: 1 });
  expect(await redis.pttl(names.streamKey(quotesOf('NEW')))).toBe(-1);
});

test('the last value comes with its number, time, bytes and whether it must be kept', async () => {
  const id = agent('last');
  await publisher.publish(id, goodFrame(id));
  await publisher.publish(id, goodFrame(id, { status: '运行' }));
  const stored = await openOne('agent_status', 'last');
  expect(stored).toMatchObject({ key: 'last', seq: 2, frameEpoch: stored.epoch, frameSeq: 2, keep: true });
  expect(stored.frame?.toString()).toBe(goodFrame(id, { status: '运行' }));
  expect(Math.abs(Number(stored.publishedAt) - Date.now() / 1000)).toBeLessThan(5);
});

test('opening again changes nothing', async () => {
  const id = quotesOf('AGAIN');
  await publisher.publish(id, goodFrame(id));
  expect(await openOne('market_data', 'AGAIN')).toEqual(await openOne('market_data', 'AGAIN'));
});

test('without a key all live agents are opened, and none that was only asked for, or has expired', async () => {
  for (const key of ['b1', 'b2', 'b3']) await publisher.publish(backtest(key), goodFrame(backtest(key)));
  await openOne('backtest_progress', 'asked');
  await redis.zadd(names.indexKey('backtest_progress'), Date.now() - 1000, 'b2');
  await redis.del(names.streamKey(backtest('b3')));
  const opened = await openStreams(redis, names, 'backtest_progress', null);
  expect(opened.map(({ key, seq }) => [key, seq])).toEqual([['b1', 1]]);
  expect(await redis.zrange(names.indexKey('backtest_progress'), '0', '-1')).toEqual(['b1']);
});

test('more agents than a page are opened all, those too that expire in the same millisecond', async () => {
  const keys = Array.from({ length: 900 }, (_, i) => `many-${i}`);
  await Promise.all(keys.map((key) => publisher.publish(agent(key), goodFrame(agent(key)))));
  const index = names.indexKey('agent_status');
  const expiry = Date.now() + 3_600_000;
  await Promise.all(keys.map((key, i) => redis.zadd(index, expiry + (i < 600 ? 0 : i % 7), key)));
  const opened = (await openStreams(redis, names, 'agent_status', null)).map((stream) => stream.key);
  expect(new Set(opened).size).toBe(opened.length);
  expect(keys.filter((key) => !opened.includes(key))).toEqual([]);
});

test('a page holds as many as were asked for, and all that expire with the last of them', async () => {
  const index = 'tickcast:{backtest_progress}';
  await redis.del(index);
  const later = Date.now() + 3_600_000;
  const expiries = [5, 5, 6, 7, 7, 7, 8];
  for (const [i, ms] of expiries.entries()) {
    await publisher.publish(backtest(`p${i}`), goodFrame(backtest(`p${i}`)));
    await redis.zadd(index, later + ms, `p${i}`);
  }
  const pages: string[] = [];
  let cursor = '';
  do {
    const [next, streams] = (await redis.fcall('tickcast_open', 1, index, cursor, 1)) as [string, string[][]];
    pages.push(streams.map(([key]) => key).join(' '));
    cursor = next;
  } while (cursor !== '');
  expect(pages).toEqual(['p0 p1', 'p2', 'p3 p4 p5', 'p6', '']);
});

test('every quiet stream is opened once, while the others are published to and move', async () => {
  const key = (i: number) => `moving-${i}`;
  const publish = (i: number) => publisher.publish(agent(key(i)), goodFrame(agent(key(i))));
  await Promise.all(Array.from({ length: 1000 }, (_, i) => publish(i)));
  const quiet = Array.from({ length: 500 }, (_, i) => key(2 * i));
  let going = true;
  const publishing = (async () => {
    for (let i = 1; going; i = (i + 2) % 1000) await publish(i);
  })();
  for (let time = 0; time < 10; time++) {
    const opened = (await openStreams(redis, names, 'agent_status', null)).map((stream) => stream.key);
    expect(new Set(opened).size).toBe(opened.length);
    expect(quiet.filter((quietKey) => !opened.includes(quietKey))).toEqual([]);
  }
  going = false;
  await publishing;
});

test.each([
  ['a page of one stream', 'tickcast:{alerts}', '', '1'],
  ['a page of nothing', 'tickcast:{agent_status}', '', '0'],
  ['half a stream', 'tickcast:{agent_status}', '', '1.5'],
  ['a cursor that was not answered', 'tickcast:{agent_status}', '-inf', '10'],
  ['a cursor without a limit', 'tickcast:{agent_status}', ''],
])('%s is refused', async (_, name, ...page) => {
  await expect(redis.fcall('tickcast_open', 1, name, ...page)).rejects.toThrow(/^ERR tickcast: /);
});

test('alerts are one stream', async () => {
  expect(await openOne('alerts', null)).toMatchObject({ key: null, seq: 0 });
});

test('market_data without a symbol is a mistake of the caller', async () => {
  await expect(openStreams(redis, names, 'market_data', null)).rejects.toThrow(RangeError);
});

test.each([quotesOf('RESTART'), agent('restart'), ALERTS])(
  'after a restart with its data %p has a new epoch from 1, and keeps its last value under the old numbers',
  async (id) => {
    await publisher.publish(id, goodFrame(id));
    await publisher.publish(id, goodFrame(id, { n: 2 }));
    const before = await openOne(id.channel, id.key);
    await restart(true);
    const after = await openOne(id.channel, id.key);
    expect(after).toMatchObject({ seq: 0, frameEpoch: before.epoch, frameSeq: before.seq });
    expect(after.frame).toEqual(before.frame);
    expect(after.epoch).not.toBe(before.epoch);
    expect(Number.parseInt(after.epoch)).toBeGreaterThan(Number.parseInt(before.epoch));
    expect(await publisher.publish(id, goodFrame(id, { n: 3 }))).toBe(1);
    const next = await openOne(id.channel, id.key);
    expect(next).toMatchObject({ epoch: after.epoch, seq: 1, frameEpoch: after.epoch, frameSeq: 1 });
  },
);

test('published first after a restart, the numbering is new as well', async () => {
  const id = quotesOf('FIRST');
  await publisher.publish(id, goodFrame(id));
  const before = await openOne('market_data', 'FIRST');
  await restart(true);
  expect(await publisher.publish(id, goodFrame(id))).toBe(1);
  expect((await openOne('market_data', 'FIRST')).epoch).not.toBe(before.epoch);
});

test('two restarts without an event between keep the numbers that the last value was published with', async () => {
  const id = quotesOf('TWICE');
  await publisher.publish(id, goodFrame(id));
  const before = await openOne('market_data', 'TWICE');
  for (let i = 0; i < 2; i++) {
    await restart(true);
    expect(await openOne('market_data', 'TWICE')).toMatchObject({ seq: 0, frameEpoch: before.epoch, frameSeq: 1 });
  }
});

test('after a failover there is a new epoch, though no process was restarted', async () => {
  const id = quotesOf('FAILOVER');
  await publisher.publish(id, goodFrame(id));
  const before = await openOne('market_data', 'FAILOVER');
  await server.cli('REPLICAOF', '127.0.0.1', '1');
  await server.cli('REPLICAOF', 'NO', 'ONE');
  // The run of Redis is looked up ten times a second.
  await new Promise((resolve) => void setTimeout(resolve, 150));
  expect(await publisher.publish(id, goodFrame(id))).toBe(1);
  expect((await openOne('market_data', 'FAILOVER')).epoch).not.toBe(before.epoch);
});

test.each(['FLUSHALL', 'a restart without data'])('after %s there are new epochs from 1', async (how) => {
  const id = quotesOf('EMPTY');
  await publisher.publish(id, goodFrame(id));
  const before = await openOne('market_data', 'EMPTY');
  if (how === 'FLUSHALL') await server.cli('FLUSHALL');
  else await restart(false);
  expect(await publisher.publish(id, goodFrame(id))).toBe(1);
  const after = await openOne('market_data', 'EMPTY');
  expect(Number.parseInt(after.epoch)).toBeGreaterThan(Number.parseInt(before.epoch));
});

test('a Redis that is full still answers', async () => {
  const id = quotesOf('FULL');
  await publisher.publish(id, goodFrame(id));
  await server.cli('CONFIG', 'SET', 'maxmemory', '1');
  try {
    expect(await openOne('market_data', 'FULL')).toMatchObject({ seq: 1 });
    expect(await openOne('market_data', 'FULL-NEW')).toMatchObject({ seq: 0 });
    await expect(publisher.publish(id, goodFrame(id))).rejects.toMatchObject({ code: 'backplane_unavailable' });
  } finally {
    await server.cli('CONFIG', 'SET', 'maxmemory', '0');
  }
  expect(await publisher.publish(id, goodFrame(id))).toBe(2);
});
