/** Where streams stand: what an edge compares with what it has delivered. */
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { StreamId } from '@tickcast/protocol';
import {
  agent,
  ALERTS,
  backplaneOnRedis,
  backtest,
  contentsOf,
  goodFrame,
  type OnRedis,
  quotesOf,
} from '../test/on-redis.ts';
import { readPositions } from './stream-positions.ts';
import { openStreams } from './stream-store.ts';

const DAY_MS = 86_400_000;
const AGENTS: StreamId = { channel: 'agent_status', key: null };
const BACKTESTS: StreamId = { channel: 'backtest_progress', key: null };

let { server, redis, names, publisher } = {} as OnRedis;
beforeAll(async () => {
  ({ server, redis, names, publisher } = await backplaneOnRedis());
});
beforeEach(async () => {
  await server.cli('FLUSHALL');
});

const publish = (id: StreamId, data = {}) => publisher.publish(id, goodFrame(id, data));
const keysOf = async (id: StreamId) => (await readPositions(redis, names, [id]))[0]?.map(({ key }) => key).sort();

/** As if the last event of a stream had been published `ageMs` ago, and lived for `lifeMs`. */
async function makeOlder(id: StreamId, ageMs: number, lifeMs = DAY_MS): Promise<void> {
  const time = Date.now() - ageMs;
  await redis.hset(names.streamKey(id), 'time', `${Math.floor(time / 1000)}.000000`);
  await redis.zadd(names.indexKey(id.channel), time + lifeMs, String(id.key));
}

test('each asked stream has a list of its own, in the order asked', async () => {
  const ids = [quotesOf('A'), agent('a'), backtest('b'), ALERTS];
  for (const id of ids) await publish(id);
  await publish(ALERTS);
  const lists = await readPositions(redis, names, [...ids, quotesOf('UNKNOWN')]);
  const epochs = await Promise.all(ids.map((id) => redis.hget(names.streamKey(id), 'epoch')));
  expect(lists).toEqual([...ids.map(({ key }, i) => [{ key, epoch: epochs[i], seq: i === 3 ? 2 : 1 }]), []]);
});

test('the position is that of opening the stream', async () => {
  await publish(quotesOf('A'));
  const [opened] = await openStreams(redis, names, 'market_data', 'A');
  const [positions] = await readPositions(redis, names, [quotesOf('A')]);
  expect(positions).toEqual([{ key: 'A', epoch: opened?.epoch, seq: opened?.seq }]);
});

test('a stream that was opened before its first event stands at 0', async () => {
  const [opened] = await openStreams(redis, names, 'market_data', 'NEW');
  expect(await readPositions(redis, names, [quotesOf('NEW')])).toEqual([
    [{ key: 'NEW', epoch: opened?.epoch, seq: 0 }],
  ]);
});

test('the first event of an agent that nobody knew is found through the list of all', async () => {
  expect(await readPositions(redis, names, [AGENTS])).toEqual([[]]);
  await publish(agent('unknown'));
  expect(await readPositions(redis, names, [AGENTS])).toEqual([
    [{ key: 'unknown', epoch: expect.any(String), seq: 1 }],
  ]);
});

test('of all agents or backtests those are listed that had an event within the last minute', async () => {
  for (const key of ['now', 'recent', 'older', 'opened']) {
    if (key === 'opened') await openStreams(redis, names, 'agent_status', key);
    else await publish(agent(key));
  }
  await makeOlder(agent('recent'), 50_000);
  await makeOlder(agent('older'), 70_000);
  expect(await keysOf(AGENTS)).toEqual(['now', 'recent']);
});

test('backtests that have ended are listed for that minute too, and no longer', async () => {
  for (const key of ['running', 'ended', 'just-ended', 'long-ended', 'straggled']) await publish(backtest(key));
  for (const key of ['ended', 'just-ended', 'long-ended', 'straggled']) {
    await publish(backtest(key), { status: 'completed' });
  }
  await publish(backtest('straggled'));
  await makeOlder(backtest('just-ended'), 50_000, 7 * DAY_MS);
  await makeOlder(backtest('ended'), 70_000, 7 * DAY_MS);
  // It expires as one that runs will a day after its last event.
  await makeOlder(backtest('long-ended'), 6 * DAY_MS + 1000, 7 * DAY_MS);
  expect(await keysOf(BACKTESTS)).toEqual(['just-ended', 'running', 'straggled']);
});

test('what has expired but is still listed has no position', async () => {
  await publish(agent('gone'));
  await redis.del(names.streamKey(agent('gone')));
  expect(await readPositions(redis, names, [AGENTS])).toEqual([[]]);
});

test('more names than one call takes are answered all the same, lists among them', async () => {
  await publish(agent('a'));
  const ids = Array.from({ length: 1201 }, (_, i) => quotesOf(`S${i}`));
  await Promise.all(ids.map((id) => publish(id)));
  const lists = await readPositions(redis, names, [...ids, AGENTS]);
  expect(lists.map((list) => list.map(({ key }) => key))).toEqual([...ids.map(({ key }) => [key]), ['a']]);
  expect(await readPositions(redis, names, [])).toEqual([]);
});

test('reading changes nothing: streams of another run of Redis keep their epoch, the dead stay listed', async () => {
  const ids = [quotesOf('A'), agent('a'), ALERTS];
  for (const id of ids) {
    await publish(id);
    await redis.hset(names.streamKey(id), 'boot', 'another');
  }
  await redis.zadd(names.indexKey('agent_status'), Date.now() - 1, 'dead');
  const before = await contentsOf(redis);
  const lists = await readPositions(redis, names, [...ids, AGENTS, quotesOf('UNKNOWN')]);
  expect(lists.map((list) => list.map(({ seq }) => seq))).toEqual([[1], [1], [1], [1], []]);
  expect(await contentsOf(redis)).toEqual(before);
});

test('market_data without a symbol is a mistake of the caller', async () => {
  await expect(readPositions(redis, names, [{ channel: 'market_data', key: null }])).rejects.toThrow(RangeError);
});

test.each([
  ['a name of no stream', ['tickcast:{alerts}', 'tickcast:{nothing}'], []],
  ['a key that is not in normal form', ['tickcast:{market_data:700.HK}'], []],
  ['an argument', ['tickcast:{alerts}'], ['1']],
  ['no name', [], []],
])('%s is refused', async (_, keys, args) => {
  const asking = redis.fcall_ro('tickcast_positions', keys.length, ...keys, ...args);
  await expect(asking).rejects.toThrow(/^ERR tickcast: /);
});
