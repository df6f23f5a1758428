import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import {
  agent,
  backplaneOnRedis,
  contentsOf,
  goodFrame,
  type OnRedis,
  openCommands,
  redisNowMs,
} from '../test/on-redis.ts';
import { type AgentRegistry, createAgentRegistry } from './agent-registry.ts';

let { server, redis, names, publisher } = {} as OnRedis;
let registry: AgentRegistry;
beforeAll(async () => {
  ({ server, redis, names, publisher } = await backplaneOnRedis());
  registry = createAgentRegistry({ redis, names });
});
beforeEach(async () => {
  await server.cli('FLUSHALL');
});

const REGISTER = 'tickcast:{agent_status}/leases';
const LIST = 'tickcast:{agent_status}';
const publish = (id: string, status: string) => publisher.publish(agent(id), goodFrame(agent(id), { status }));

/** As if the agent’s time had ended that long ago. @returns the end of its time */
async function lapse(id: string, agoMs = 1): Promise<number> {
  const lapsedAtMs = (await nowMs()) - agoMs;
  await redis.zadd(REGISTER, 'XX', lapsedAtMs, id);
  return lapsedAtMs;
}

const nowMs = async () => Math.floor(await redisNowMs(redis));

const lapsedIds = async () => (await registry.lapsed()).map(({ agentId }) => agentId);

test('an agent is told the status that was last published for it', async () => {
  expect(await registry.renew('a', 30)).toBe('');
  await publish('a', '运行中');
  expect(await registry.renew('a', 30)).toBe('运行中');
  await publish('a', 'stopped');
  expect(await registry.renew('a', 30)).toBe('stopped');
});

test('registering publishes nothing, and is no event of the agent’s stream', async () => {
  await publish('a', 'running');
  const before = await contentsOf(redis);
  await registry.renew('a', 30);
  const { [REGISTER]: register, ...others } = await contentsOf(redis);
  expect(register).toBeDefined();
  expect(others).toEqual(before);
});

test('an agent that does not come again in its time has lapsed, with what was last published for it', async () => {
  const frame = goodFrame(agent('a'), { status: 'running', note: '中' });
  await publisher.publish(agent('a'), frame);
  const renewedMs = await nowMs();
  await registry.renew('a', 1);
  await eventually(async () => (await registry.lapsed()).length === 1);
  const [lapsed] = await registry.lapsed();
  expect(lapsed).toEqual({
    agentId: 'a',
    lapsedAtMs: expect.any(Number),
    status: 'running',
    frame: Buffer.from(frame),
  });
  expect(lapsed?.lapsedAtMs).toBeGreaterThanOrEqual(renewedMs + 1000);
  expect(lapsed?.lapsedAtMs).toBeLessThanOrEqual(await nowMs());
});

test('one that renews in its time has not', async () => {
  for (const id of ['a', 'b']) await registry.renew(id, 30);
  await lapse('a');
  expect(await lapsedIds()).toEqual(['a']);
  await registry.renew('a', 30);
  expect(await lapsedIds()).toEqual([]);
});

test('one that never published anything has lapsed without a status and a frame', async () => {
  await registry.renew('silent', 30);
  const lapsedAtMs = await lapse('silent');
  expect(await registry.lapsed()).toEqual([{ agentId: 'silent', lapsedAtMs, status: '', frame: null }]);
});

test('one that leaves is not missed', async () => {
  for (const id of ['a', 'b']) {
    await registry.renew(id, 30);
    await lapse(id);
  }
  await registry.leave('a');
  await registry.leave('never-came');
  expect(await lapsedIds()).toEqual(['b']);
});

test('one that is forgotten is told once', async () => {
  for (const id of ['a', 'b']) await registry.renew(id, 30);
  const lapsedAtMs = await lapse('a');
  await lapse('b');
  await registry.forget('a', lapsedAtMs);
  await registry.forget('a', lapsedAtMs);
  expect(await lapsedIds()).toEqual(['b']);
});

test('one that comes back while it is looked at is not forgotten', async () => {
  await registry.renew('a', 30);
  await lapse('a');
  const [lapsed] = await registry.lapsed();
  await registry.renew('a', 30);
  await registry.forget('a', lapsed?.lapsedAtMs ?? 0);
  expect(await redis.zcard(REGISTER)).toBe(1);
  await lapse('a');
  expect(await lapsedIds()).toEqual(['a']);
});

test('they are told a hundred at a time, the one that is over longest first', async () => {
  const ids = Array.from({ length: 150 }, (_, i) => `a${i}`);
  for (const id of ids) await registry.renew(id, 30);
  for (const [i, id] of ids.entries()) await lapse(id, 100_000 - i * 500);
  expect(await lapsedIds()).toEqual(ids.slice(0, 100));
  for (const { agentId, lapsedAtMs } of await registry.lapsed()) await registry.forget(agentId, lapsedAtMs);
  expect(await lapsedIds()).toEqual(ids.slice(100));
});

test('where nobody asks who is missing, the register forgets them after a day', async () => {
  for (const id of ['old', 'recent']) await registry.renew(id, 30);
  await lapse('old', 86_400_000 + 1000);
  await lapse('recent', 86_400_000 - 60_000);
  await registry.renew('new', 30);
  expect(await redis.zrange(REGISTER, '0', '-1')).toEqual(['recent', 'new']);
});

test('a stream that somebody has overwritten with another type does not hide the other agents', async () => {
  for (const id of ['broken', 'a']) await registry.renew(id, 30);
  await lapse('broken', 1000);
  await lapse('a');
  await redis.set(names.streamKey(agent('broken')), 'text');
  expect(await registry.lapsed()).toMatchObject([
    { agentId: 'broken', status: '', frame: null },
    { agentId: 'a', status: '', frame: null },
  ]);
});

test('a cluster with another prefix has its own register', async () => {
  await redis.fcall('tickcast_agent_lease', 1, 'other:{agent_status}:a', 30);
  expect(await redis.exists(REGISTER)).toBe(0);
  expect(await redis.zrange('other:{agent_status}/leases', '0', '-1')).toEqual(['a']);
});

test('an id or a time that no agent can have is refused before Redis is asked', async () => {
  for (const seconds of [0, -1, 1.5, 86_401, Number.NaN]) {
    await expect(registry.renew('a', seconds)).rejects.toThrow(RangeError);
  }
  await expect(registry.renew('a:b', 30)).rejects.toThrow(RangeError);
  expect(await redis.exists(REGISTER)).toBe(0);
});

const A = `${LIST}:a`;
test.each<[string, string[], string[], RegExp]>([
  ['without seconds', [A], [], /call it as FCALL tickcast_agent_lease 1 STREAM SECONDS/],
  ['with too much', [A], ['0', '1', '2'], /call it as/],
  ['with two agents', [A, `${LIST}:b`], ['30'], /call it as/],
  ['with the list', [LIST], ['30'], /is no agent; name it like tickcast:\{agent_status\}:my-agent/],
  ['with a backtest', ['tickcast:{backtest_progress}:a'], ['30'], /is no agent/],
  ['with a bad id', [`${LIST}:a b`], ['30'], /is no agent/],
  ...['-1', '1.5', '', 'soon', '86401', '1e3'].map((seconds): [string, string[], string[], RegExp] => [
    `with ${seconds || 'empty'} seconds`,
    [A],
    [seconds],
    /the seconds must be a whole number from 1 to 86400, or 0 to leave/,
  ]),
  ['with an end of time where it registers', [A], ['30', '1700000000000'], /goes with 0 seconds only/],
  ['with an end of time that is none', [A], ['0', 'now'], /goes with 0 seconds only/],
])('tickcast_agent_lease called %s says what is wrong, and nothing changes', async (_, keys, args, message) => {
  await registry.renew('a', 30);
  const before = await contentsOf(redis);
  const call = redis.fcall('tickcast_agent_lease', keys.length, ...keys, ...args);
  await expect(call).rejects.toThrow(new RegExp(`^ERR tickcast: .*${message.source}`));
  expect(await contentsOf(redis)).toEqual(before);
});

test('tickcast_agents_lapsed called wrongly says what is wrong', async () => {
  const wrong: Array<[number, ...string[]]> = [[0], [2, LIST, LIST], [1, LIST, 'x']];
  for (const args of wrong) {
    await expect(redis.fcall_ro('tickcast_agents_lapsed', ...args)).rejects.toThrow(
      /^ERR tickcast: call it as FCALL_RO/,
    );
  }
  for (const name of [A, 'tickcast:{backtest_progress}', REGISTER]) {
    await expect(redis.fcall_ro('tickcast_agents_lapsed', 1, name)).rejects.toThrow(
      /^ERR tickcast: .* no list of agents/,
    );
  }
});

test('without the Function or without Redis, the caller is told which it is', async () => {
  const bare = createAgentRegistry({ redis: await openCommands(server.url), names });
  const calls = [() => bare.renew('a', 30), () => bare.leave('a'), () => bare.lapsed(), () => bare.forget('a', 1)];
  await server.cli('FUNCTION', 'FLUSH');
  for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'function_unavailable' });
  await server.stop();
  for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'backplane_unavailable' });
});
