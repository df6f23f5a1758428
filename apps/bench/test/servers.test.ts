import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectCommands, createNames, createPublisher } from '@tickcast/backplane';
import {
  cleanEnvironment,
  eventually,
  mintToken,
  type RedisServer,
  startEdge,
  startProcess,
  startRedis,
  TEST_SECRET,
} from '@tickcast/testing';
import { dialectOf } from '../src/dialects/of-server.ts';
import { openEmitterSink } from '../src/publish/emitter.ts';
import type { ServerKind } from '../src/types.ts';
import { connectRaw, type RawClient } from './raw-client.ts';

const TOPICS = ['market_data:0700.HK', 'market_data:0005.HK'];

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.kill();
});

for (const kind of ['floor', 'ws'] as const) {
  test(`${kind} sends an event of Redis, as it is and in order, to each client of its topic and to no other`, async () => {
    const port = await startServer(kind);
    const [both, one] = [await clientOf(kind, port, TOPICS), await clientOf(kind, port, TOPICS.slice(0, 1))];
    const frames = TOPICS.flatMap((topic) => [1, 2, 3].map((price) => [topic, frameOf(topic, price)] as const));
    for (const [topic, frame] of frames) await redis.cli('PUBLISH', topic, frame);
    await eventually(() => both.events.length === frames.length && one.events.length === 3);
    expect(both.events).toEqual(frames.map(([, frame]) => frame));
    expect(one.events).toEqual(frames.slice(0, 3).map(([, frame]) => frame));
  });

  test(`${kind} takes a client for a channel without symbols`, async () => {
    const client = await clientOf(kind, await startServer(kind), ['alerts']);
    await redis.cli('PUBLISH', 'alerts', '{"type":"alerts"}');
    await eventually(() => client.events.length === 1);
  });

  test(`${kind} survives a client that leaves before Redis has confirmed its subscription`, async () => {
    const own = await startRedis();
    const port = await startServer(kind, own.url);
    await clientOf(kind, port, ['alerts']);
    own.pause();
    const leaves = await connectRaw(port, dialectOf(kind), TOPICS);
    await leaves.untilGreeted();
    leaves.cut();
    const stays = await connectRaw(port, dialectOf(kind), TOPICS);
    own.resume();
    await stays.untilReady();
    await own.cli('PUBLISH', TOPICS[0] ?? '', frameOf(TOPICS[0] ?? '', 1));
    await eventually(() => stays.events.length === 1);
    await own.kill();
  });
}

test('Socket.IO sends an event of its emitter, in order, to each client of its room and to no other', async () => {
  const port = await startServer('socket-io');
  const [both, one] = [
    await clientOf('socket-io', port, TOPICS),
    await clientOf('socket-io', port, TOPICS.slice(0, 1)),
  ];
  const sink = await openEmitterSink(redis.url);
  const frames = TOPICS.flatMap((topic) => [1, 2, 3].map((price) => [topic, frameOf(topic, price)] as const));
  for (const [topic, frame] of frames) await sink.publish(topic, frame);
  await eventually(() => both.events.length === frames.length && one.events.length === 3);
  expect(both.events).toEqual(frames.map(([, frame]) => `42["event",${frame}]`));
  expect(one.events).toEqual(frames.slice(0, 3).map(([, frame]) => `42["event",${frame}]`));
  await sink.close();
});

test('the emitter says when Redis took no event', async () => {
  const own = await startRedis();
  const sink = await openEmitterSink(own.url);
  await own.cli('ACL', 'SETUSER', 'default', '-publish');
  await expect(sink.publish('alerts', '{}')).rejects.toThrow('NOPERM');
  await sink.close();
  await own.kill();
});

test('a client of Socket.IO answers its pings', () => {
  expect(dialectOf('socket-io').answer('2', [])).toEqual(Buffer.from([0x81, 0x81, 0, 0, 0, 0, '3'.charCodeAt(0)]));
});

test('the bare server welcomes a good token and closes on a bad one', async () => {
  const port = await startServer('bare');
  const good = await connectRaw(port, dialectOf('bare'), [], await mintToken());
  await good.untilReady();
  const bad = await connectRaw(port, dialectOf('bare'), [], await mintToken({ ttlSeconds: -60 }));
  await eventually(() => bad.closeCode === 4401);
  expect(good.closeCode).toBeNull();
});

test('what the edge sends is told apart by its first bytes: answers are no events, numbered and plain pushes are', async () => {
  const edge = await startEdge({ redisUrl: redis.url });
  const client = await clientOf('tickcast', edge.port, TOPICS, await mintToken());
  const connection = connectCommands(redis.url);
  const publisher = createPublisher({ redis: connection, names: createNames('tickcast:') });
  await eventually(() => connection.status === 'ready');
  for (const topic of TOPICS) {
    const key = topic.slice('market_data:'.length);
    await publisher.publish({ channel: 'market_data', key }, frameOf(topic, 1));
  }
  await redis.cli('PUBLISH', `tickcast:{${TOPICS[0]}}`, frameOf(TOPICS[0] ?? '', 2));
  await eventually(() => client.events.length === 3);
  expect(client.events.map((event) => (JSON.parse(event) as { type: string }).type)).toEqual(
    Array.from({ length: 3 }, () => 'market_data'),
  );
  connection.disconnect();
  await edge.stop();
});

test('a subscription that the edge refuses is an error, not a client that waits', async () => {
  const edge = await startEdge({ redisUrl: redis.url });
  const token = await mintToken({ channels: ['alerts'] });
  const client = await connectRaw(edge.port, dialectOf('tickcast'), TOPICS, token);
  await expect(client.untilReady()).rejects.toThrow('forbidden');
  await edge.stop();
});

async function startServer(kind: Exclude<ServerKind, 'tickcast'>, redisUrl = redis.url): Promise<number> {
  const program = fileURLToPath(new URL(`../dist/servers/${kind}.js`, import.meta.url));
  const server = await startProcess(process.execPath, [program], {
    env: cleanEnvironment({ BENCH_PORT: '0', BENCH_REDIS_URL: redisUrl, BENCH_SECRET: TEST_SECRET }),
  });
  return (JSON.parse(await server.waitForLine(/^\{"port":/)) as { port: number }).port;
}

async function clientOf(kind: ServerKind, port: number, topics: string[], token = ''): Promise<RawClient> {
  const client = await connectRaw(port, dialectOf(kind), topics, token);
  await client.untilReady();
  return client;
}

function frameOf(topic: string, price: number): string {
  const symbol = topic.slice('market_data:'.length);
  const data = { timestamp: 1701234567.891234, price, open: 1, high: 9, low: 1, volume: 100 };
  return JSON.stringify({ type: 'market_data', symbol, data });
}
