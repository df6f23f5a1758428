import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { eventually, type RedisServer, startRedis } from '@tickcast/testing';
import { openCommands } from '../test/on-redis.ts';
import type { Commands } from './connections.ts';
import { createSubscriber, type Subscriber } from './subscriber.ts';

let server: RedisServer;
let redis: Commands;
beforeAll(async () => {
  server = await startRedis();
  redis = await openCommands(server.url);
});

let current: Subscriber | undefined;
afterEach(() => current?.close());

/** A subscriber that writes down what it is told, in order. */
function listen() {
  const told: string[] = [];
  const subscriber = createSubscriber({
    url: server.url,
    onMessage: (channel, message) => told.push(`${channel}=${message.toString()}`),
    onReady: () => told.push('ready'),
    onLost: () => told.push('lost'),
  });
  current = subscriber;
  return { subscriber, told };
}

async function listening() {
  const listener = listen();
  await eventually(() => listener.subscriber.state === 'ready');
  return listener;
}

const listeners = async (name: string) => Number((await redis.pubsub('NUMSUB', name))[1]);
const publish = (name: string, message: string) => redis.publish(name, message);
const killSubscribers = () => server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');

test('a name that is held has its messages delivered, as they were', async () => {
  const { subscriber, told } = await listening();
  await subscriber.hold('a');
  await publish('a', '{"中":1}');
  await publish('b', 'not held');
  await eventually(() => told.length === 2);
  expect(told).toEqual(['ready', 'a={"中":1}']);
});

test('a name is subscribed once, however often it is held, and until the last holder is gone', async () => {
  const { subscriber, told } = await listening();
  await Promise.all([subscriber.hold('many'), subscriber.hold('many'), subscriber.hold('many')]);
  expect(await listeners('many')).toBe(1);
  subscriber.release('many');
  subscriber.release('many');
  await publish('many', '1');
  await eventually(() => told.includes('many=1'));
  subscriber.release('many');
  expect(await listeners('many')).toBe(1);
  await eventually(async () => (await listeners('many')) === 0, { withinMs: 8000 });
});

test('held again before Redis was told, it never was unsubscribed', async () => {
  const { subscriber } = await listening();
  await subscriber.hold('flap');
  const before = Number(/cmdstat_unsubscribe:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
  for (let i = 0; i < 50; i++) {
    subscriber.release('flap');
    await subscriber.hold('flap');
  }
  await new Promise((resolve) => void setTimeout(resolve, 5200));
  expect(await listeners('flap')).toBe(1);
  const after = Number(/cmdstat_unsubscribe:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
  expect(after).toBe(before);
});

test('held again while it is being unsubscribed, it is subscribed in the end', async () => {
  const { subscriber, told } = await listening();
  const names = Array.from({ length: 200 }, (_, i) => `race${i}`);
  await Promise.all(names.map((name) => subscriber.hold(name)));
  for (const name of names) subscriber.release(name);
  // The unsubscriptions go out together; a stopped Redis keeps them under way until the holds are there.
  await new Promise((resolve) => void setTimeout(resolve, 4800));
  server.pause();
  await new Promise((resolve) => void setTimeout(resolve, 500));
  const holds = names.map((name) => subscriber.hold(name));
  server.resume();
  await Promise.all(holds);
  for (const name of names) await publish(name, 'x');
  await eventually(() => names.every((name) => told.includes(`${name}=x`)));
});

test('a release without a hold is nothing', async () => {
  const { subscriber, told } = await listening();
  subscriber.release('never');
  await subscriber.hold('never');
  await publish('never', 'x');
  await eventually(() => told.at(-1) === 'never=x');
});

test('killed by Redis, it reports ready only when everything held is subscribed again', async () => {
  const { subscriber, told } = await listening();
  const names = Array.from({ length: 100 }, (_, i) => `again${i}`);
  await Promise.all(names.map((name) => subscriber.hold(name)));
  await killSubscribers();
  await eventually(() => told.filter((line) => line === 'ready').length === 2, { withinMs: 3000 });
  expect(told).toEqual(['ready', 'lost', 'ready']);
  for (const name of names) expect(await listeners(name)).toBe(1);
  await publish('again99', 'x');
  await eventually(() => told.at(-1) === 'again99=x');
});

test('a name released before the connection broke is not subscribed again', async () => {
  const { subscriber, told } = await listening();
  await subscriber.hold('kept');
  await subscriber.hold('dropped');
  subscriber.release('dropped');
  await killSubscribers();
  await eventually(() => told.filter((line) => line === 'ready').length === 2, { withinMs: 3000 });
  expect([await listeners('kept'), await listeners('dropped')]).toEqual([1, 0]);
});

test('while Redis is away a hold is refused at once and nothing is held; it reconnects by itself', async () => {
  const { subscriber, told } = await listening();
  await subscriber.hold('before');
  await server.stop();
  await eventually(() => subscriber.state === 'away');
  const startedAt = performance.now();
  await expect(subscriber.hold('during')).rejects.toMatchObject({ code: 'backplane_unavailable' });
  expect(performance.now() - startedAt).toBeLessThan(100);
  await server.restart({ keepData: false });
  await eventually(() => subscriber.state === 'ready', { withinMs: 3000 });
  expect(told).toEqual(['ready', 'lost', 'ready']);
  await eventually(async () => (await listeners('before')) === 1);
  expect(await listeners('during')).toBe(0);
});

test('a stopped Redis, whose connections stay open, is noticed within 5 s; back within 3 s of its return', async () => {
  const { subscriber, told } = await listening();
  await subscriber.hold('stopped');
  server.pause();
  const pausedAt = performance.now();
  await expect(subscriber.hold('another')).rejects.toMatchObject({ code: 'backplane_unavailable' });
  expect(performance.now() - pausedAt).toBeLessThan(1000);
  await eventually(() => told.includes('lost'), { withinMs: 5000 });
  // Long enough that it hangs in the handshakes of reconnects as well.
  await new Promise((resolve) => void setTimeout(resolve, 4000));
  expect(subscriber.state).toBe('away');
  server.resume();
  await eventually(() => subscriber.state === 'ready', { withinMs: 3000 });
  // The test's own connection comes back in its own time.
  await eventually(() => redis.status === 'ready');
  await publish('stopped', 'x');
  await eventually(() => told.at(-1) === 'stopped=x');
  expect(await listeners('another')).toBe(0);
});

test('closed, it stays closed', async () => {
  const { subscriber, told } = await listening();
  await subscriber.hold('closing');
  subscriber.close();
  await eventually(async () => (await listeners('closing')) === 0);
  expect(subscriber.state).toBe('closed');
  await expect(subscriber.hold('closing')).rejects.toMatchObject({ code: 'backplane_unavailable' });
  expect(told).toEqual(['ready']);
});
