import { afterAll, expect, test } from '@jest/globals';
import { eventually, startRedis } from '@tickcast/testing';
import { openCommands, settlesWithin } from '../test/on-redis.ts';
import { createSubscriber, type Subscriber, type SubscriberOptions } from './subscriber.ts';

const current: Subscriber[] = [];
afterAll(() => {
  for (const subscriber of current) subscriber.close();
});

/**
 * A Redis of its own, and a subscriber that writes down what it is told, in order. A patient one waits long for Redis, because
 * tests share their machine with others.
 */
async function listening({
  isPatient = true,
  ...options
}: Pick<SubscriberOptions, 'rest'> & { isPatient?: boolean } = {}) {
  const server = await startRedis();
  const redis = await openCommands(server.url);
  const told: string[] = [];
  const subscriber = createSubscriber({
    url: server.url,
    ...options,
    ...(isPatient && { holdWithinMs: 10_000 }),
    onMessage: (channel, message) => told.push(`${channel}=${message.toString()}`),
    onReady: () => told.push('ready'),
    onLost: () => told.push('lost'),
  });
  current.push(subscriber);
  await eventually(() => subscriber.state === 'ready');
  return {
    server,
    redis,
    subscriber,
    told,
    listeners: async (name: string) => Number((await redis.pubsub('NUMSUB', name))[1]),
    publish: (name: string, message: string) => redis.publish(name, message),
    killSubscribers: () => server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub'),
  };
}

test.concurrent('a name that is held has its messages delivered, as they were', async () => {
  const { subscriber, told, publish } = await listening();
  await subscriber.hold('a');
  await publish('a', '{"中":1}');
  await publish('b', 'not held');
  await eventually(() => told.length === 2);
  expect(told).toEqual(['ready', 'a={"中":1}']);
});

test.concurrent(
  'one that rests for ever after each read still answers who holds or flushes, and reads what came meanwhile',
  async () => {
    const resting: Array<() => void> = [];
    const { subscriber, told, publish } = await listening({ rest: (resume) => resting.push(resume) > 0 });
    await subscriber.hold('a');
    await publish('a', '1');
    await eventually(() => resting.length > 0 && told.includes('a=1'));
    await publish('a', '2');
    await subscriber.hold('b');
    await publish('b', '3');
    await subscriber.flush();
    expect(told).toEqual(['ready', 'a=1', 'a=2', 'b=3']);
    await publish('a', '4');
    for (const resume of resting) resume();
    await eventually(() => told.includes('a=4'));
  },
);

test.concurrent('a name is subscribed once, however often it is held, and until the last holder is gone', async () => {
  const { subscriber, told, listeners, publish } = await listening();
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

test.concurrent('held again before Redis was told, it never was unsubscribed', async () => {
  const { redis, subscriber, listeners } = await listening();
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

test.concurrent('held again while it is being unsubscribed, it is subscribed in the end', async () => {
  const { server, subscriber, told, publish } = await listening();
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

test.concurrent('a release without a hold is nothing', async () => {
  const { subscriber, told, publish } = await listening();
  subscriber.release('never');
  await subscriber.hold('never');
  await publish('never', 'x');
  await eventually(() => told.at(-1) === 'never=x');
});

test.concurrent('killed by Redis, it reports ready only when everything held is subscribed again', async () => {
  const { subscriber, told, listeners, publish, killSubscribers } = await listening();
  const names = Array.from({ length: 100 }, (_, i) => `again${i}`);
  await Promise.all(names.map((name) => subscriber.hold(name)));
  await killSubscribers();
  await eventually(() => told.filter((line) => line === 'ready').length === 2, { withinMs: 3000 });
  expect(told).toEqual(['ready', 'lost', 'ready']);
  for (const name of names) expect(await listeners(name)).toBe(1);
  await publish('again99', 'x');
  await eventually(() => told.at(-1) === 'again99=x');
});

test.concurrent('a name released before the connection broke is not subscribed again', async () => {
  const { subscriber, told, listeners, killSubscribers } = await listening();
  await subscriber.hold('kept');
  await subscriber.hold('dropped');
  subscriber.release('dropped');
  await killSubscribers();
  await eventually(() => told.filter((line) => line === 'ready').length === 2, { withinMs: 3000 });
  expect([await listeners('kept'), await listeners('dropped')]).toEqual([1, 0]);
});

test('while Redis is away a hold is refused at once and nothing is held; it reconnects by itself', async () => {
  const { server, subscriber, told, listeners } = await listening();
  await subscriber.hold('before');
  await server.stop();
  await eventually(() => subscriber.state === 'away');
  const during = subscriber.hold('during');
  expect(await settlesWithin(100, during)).toBe(true);
  await expect(during).rejects.toMatchObject({ code: 'backplane_unavailable' });
  await server.restart({ keepData: false });
  await eventually(() => subscriber.state === 'ready', { withinMs: 3000 });
  expect(told).toEqual(['ready', 'lost', 'ready']);
  await eventually(async () => (await listeners('before')) === 1);
  expect(await listeners('during')).toBe(0);
});

test('a stopped Redis, whose connections stay open, is noticed within 5 s; back within 3 s of its return', async () => {
  const { server, redis, subscriber, told, listeners, publish } = await listening({ isPatient: false });
  await eventually(() => subscriber.hold('stopped'));
  server.pause();
  const another = subscriber.hold('another');
  expect(await settlesWithin(1000, another)).toBe(true);
  await expect(another).rejects.toMatchObject({ code: 'backplane_unavailable' });
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

test.concurrent('closed, it stays closed', async () => {
  const { subscriber, told, listeners } = await listening();
  await subscriber.hold('closing');
  subscriber.close();
  await eventually(async () => (await listeners('closing')) === 0);
  expect(subscriber.state).toBe('closed');
  await expect(subscriber.hold('closing')).rejects.toMatchObject({ code: 'backplane_unavailable' });
  expect(told).toEqual(['ready']);
});
