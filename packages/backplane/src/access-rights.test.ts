/** What a Redis user must be allowed: Functions and scripts run with the rights of whoever calls them. */
import { beforeAll, expect, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import {
  agent,
  ALERTS,
  backplaneOnRedis,
  backtest,
  goodFrame,
  type OnRedis,
  openCommands,
  quotesOf,
} from '../test/on-redis.ts';
import { createAgentRegistry } from './agent-registry.ts';
import { readAlertLog } from './alert-log-reader.ts';
import { ensureFunction } from './function-install.ts';
import { createLease } from './lease.ts';
import { createPublisher } from './publisher.ts';
import { countSeats } from './seat-count.ts';
import { createSeats } from './seats.ts';
import { readPositions } from './stream-positions.ts';
import { openStreams } from './stream-store.ts';
import { createSubscriber } from './subscriber.ts';

const STREAMS = '+time +info +hmget +hset +hdel +get +set +persist +pexpire +zadd +zremrangebyscore +publish';
const LOG = '+xadd +xlen +xrange +xrevrange +xtrim';
const PUBLISHER = `~tickcast:{* &tickcast:{* +ping +fcall ${STREAMS} ${LOG}`;
const EDGE =
  `${PUBLISHER} +fcall_ro +zrem +subscribe +unsubscribe +select ` +
  '+eval +evalsha +zcard +zscore +zrangebyscore +zrevrange';
/** One that also says that it lives, and that it leaves. */
const AGENT = `${PUBLISHER} +zrem`;
/** Without what BullMQ needs for its queues. */
const PRODUCER = `${AGENT} +fcall_ro +del +zscore +zrangebyscore +zcount +eval +evalsha`;
const INSTALLER = '~tickcast:{function} +ping +info +fcall_ro +watch +multi +exec +set +function|load';
const USERS = { publisher: PUBLISHER, agent: AGENT, producer: PRODUCER, edge: EDGE, installer: INSTALLER };

let { server, names } = {} as OnRedis;
beforeAll(async () => {
  ({ server, names } = await backplaneOnRedis());
  for (const [user, rights] of Object.entries(USERS)) {
    await server.cli('ACL', 'SETUSER', user, 'on', '>pw', ...rights.split(' '));
  }
});

const urlOf = (user: string) => server.url.replace('//', `//${user}:pw@`);

test('a publisher with the documented rights publishes to every channel', async () => {
  const redis = await openCommands(urlOf('publisher'));
  const publisher = createPublisher({ redis, names });
  for (const id of [quotesOf('A'), agent('a'), backtest('b'), ALERTS]) {
    expect(await publisher.publish(id, goodFrame(id), 'id')).toBe(1);
    expect(await publisher.publish(id, goodFrame(id))).toBe(2);
    await publisher.publishRaw(id, goodFrame(id));
  }
  await expect(redis.get('other')).rejects.toThrow(/NOPERM/);
});

test('an agent with the documented rights publishes its status, says that it lives, and leaves', async () => {
  const redis = await openCommands(urlOf('agent'));
  const id = agent('other-service');
  await createPublisher({ redis, names }).publish(id, goodFrame(id));
  const registry = createAgentRegistry({ redis, names });
  expect(await registry.renew('other-service', 30)).toBe('running');
  await registry.leave('other-service');
});

test('a producer with the documented rights leads, publishes, watches agents and counts seats', async () => {
  const redis = await openCommands(urlOf('producer'));
  expect(await ensureFunction(redis)).toMatchObject({ installed: false });
  const lease = createLease({ redis, names, name: 'market', ttlMs: 60_000 });
  expect([await lease.take(), await lease.take()]).toEqual([true, true]);
  const events = [quotesOf('P'), agent('p'), backtest('p'), ALERTS].map((id) => ({ id, frame: goodFrame(id) }));
  expect(await createPublisher({ redis, names }).publishHeld(lease, events)).not.toContainEqual(expect.any(Error));
  await lease.release();
  await openStreams(redis, names, 'market_data', 'P');
  const registry = createAgentRegistry({ redis, names });
  await registry.renew('p', 1);
  await eventually(async () => (await registry.lapsed()).length === 1);
  for (const { lapsedAtMs } of await registry.lapsed()) await registry.forget('p', lapsedAtMs);
  expect(await registry.lapsed()).toEqual([]);
  expect(await countSeats({ redis, names })).toBe(0);
});

test('an edge with the documented rights opens streams, subscribes and seats clients', async () => {
  const redis = await openCommands(urlOf('edge'));
  expect(await ensureFunction(redis)).toMatchObject({ installed: false });
  for (const id of [quotesOf('N'), agent('n'), ALERTS]) await openStreams(redis, names, id.channel, id.key);
  await openStreams(redis, names, 'agent_status', null);
  await readPositions(redis, names, [quotesOf('N'), ALERTS, { channel: 'agent_status', key: null }]);
  await readAlertLog(redis, names, { epoch: '1-000000', seq: 0 }, 1000);
  const deaf = { onMessage: () => 0, onReady: () => 0, onLost: () => 0 };
  const subscriber = createSubscriber({ url: urlOf('edge'), holdWithinMs: 10_000, ...deaf });
  await eventually(() => subscriber.state === 'ready');
  await subscriber.hold(names.pubsubChannel('alerts', null));
  await expect(subscriber.hold('other')).rejects.toMatchObject({ code: 'backplane_unavailable' });
  subscriber.close();
  const seats = createSeats({ redis, names, node: 'n', ttlMs: 1, maxSeats: 5 });
  for (const newId of ['s1', 's2']) await seats.take({ sub: 'u', newId });
  const seat = { id: 's2', sub: 'u', gen: 1, deficitMs: 500 };
  await seats.renew([seat]);
  await seats.reserve({ ...seat, ms: 1000 });
  const taken = await seats.take({ sub: 'u', seat: 's2', newId: 's3' });
  if (taken.status !== 'seated') throw new Error('the seat was not had back');
  await seats.tellBudget({ ...seat, gen: taken.gen });
  await seats.release({ ...seat, gen: taken.gen });
  await seats.take({ sub: 'u', newId: 's4' });
});

test('an installer with the documented rights installs the Function', async () => {
  await server.cli('FUNCTION', 'FLUSH');
  expect(await ensureFunction(await openCommands(urlOf('installer')))).toMatchObject({ installed: true });
});
