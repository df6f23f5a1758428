import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  type FaultProxy,
  type RedisServer,
  connectClient,
  eventually,
  mintToken,
  startEdge,
  startFaultProxy,
  startRedis,
} from './mod.ts';

let redis: RedisServer;
let proxy: FaultProxy;

beforeEach(async () => {
  redis = await startRedis();
  proxy = await startFaultProxy(redis.port, { protocol: 'resp', seed: 5 });
});

afterEach(async () => {
  proxy.close();
  await redis.kill();
});

test('a subscriber misses just the messages that were picked, and other subscribers miss none', async () => {
  const [behind, beside] = [await subscribe(proxy.port, 'prices', 'alerts'), await subscribe(redis.port, 'prices')];
  proxy.dropMessages((channel, payload) => channel === 'prices' && payload.toString() === 'two');
  for (const word of ['one', 'two', 'three']) await redis.cli('PUBLISH', 'prices', word);
  await redis.cli('PUBLISH', 'alerts', 'two');
  expect(await behind.messages(3)).toEqual(['prices one', 'prices three', 'alerts two']);
  expect(await beside.messages(3)).toEqual(['prices one', 'prices two', 'prices three']);
  expect(proxy.dropped).toBe(1);
  proxy.heal();
  await redis.cli('PUBLISH', 'prices', 'two');
  expect((await behind.messages(4)).at(-1)).toBe('prices two');
  expect(proxy.dropped).toBe(1);
});

test('a message is picked out of a slow link in pieces, the last one of a stream too', async () => {
  const subscriber = await subscribe(proxy.port, 'prices');
  proxy.shape({ latencyMs: 5, jitterMs: 10, maxPieceBytes: 4 });
  let left = 2;
  proxy.dropMessages((_channel, payload) => payload.toString().startsWith('drop') && left-- > 0);
  for (const word of ['keep 1', 'drop 1', 'keep 2', 'drop 2']) await redis.cli('PUBLISH', 'prices', word);
  await eventually(() => proxy.dropped === 2);
  await redis.cli('PUBLISH', 'prices', 'drop 3');
  expect(await subscriber.messages(3)).toEqual(['prices keep 1', 'prices keep 2', 'prices drop 3']);
});

test('a message of many megabytes is dropped whole, and other replies of that size pass', async () => {
  const subscriber = await subscribe(proxy.port, 'prices');
  proxy.dropMessages((_channel, payload) => payload.length > 1_000_000);
  const reader = await open(proxy.port);
  await redis.cli('EVAL', "redis.call('SET', 'big', string.rep('x', 8000000))", '0');
  await redis.cli('EVAL', "redis.call('PUBLISH', 'prices', string.rep('x', 8000000))", '0');
  await redis.cli('PUBLISH', 'prices', 'small');
  expect(await subscriber.messages(1)).toEqual(['prices small']);
  reader.socket.write('GET big\r\n');
  await eventually(() => reader.heard().length === '$8000000\r\n'.length + 8_000_000 + 2);
});

test('an edge behind a slow way to Redis still serves a client behind a slow link', async () => {
  proxy.shape({ latencyMs: 20, jitterMs: 20, bytesPerSecond: 200_000, maxPieceBytes: 100 });
  const edge = await startEdge({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
  const link = await startFaultProxy(edge.port, { seed: 6 });
  const slow = { latencyMs: 50, jitterMs: 50, bytesPerSecond: 20_000 };
  link.shape(slow);
  const url = `ws://127.0.0.1:${link.port}/api/v1/websocket`;
  const client = await connectClient(url, { token: await mintToken() });
  // Not before: a request line that comes in pieces is answered 505 by the engine (uNetworking/uWebSockets#1776).
  link.shape({ ...slow, maxPieceBytes: 20 });
  // Where the machine stands still for a second, the edge has no answer from so slow a Redis in time.
  await eventually(async () => {
    const subscribed = await client.request({ type: 'subscribe', channel: 'alerts' });
    expect(subscribed).toMatchObject({ type: 'subscribed', channel: 'alerts' });
  });
  for (let i = 1; i <= 20; i++) {
    const data = { level: 'info', message: `${i} ${'測試'.repeat(20)}`, timestamp: i, source: 'test' };
    const frame = JSON.stringify({ type: 'alerts', data });
    const seq = await redis.cli('FCALL', 'tickcast_publish', '1', 'tickcast:{alerts}', frame);
    expect(seq).toBe(String(i));
  }
  await client.next((frame) => frame['seq'] === 20);
  expect(client.received('alerts').map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  await client.close();
  link.close();
  await edge.stop();
});

interface Subscriber {
  /** `channel payload` of the first so many, once they are there. */
  messages(count: number): Promise<string[]>;
}

async function subscribe(port: number, ...channels: string[]): Promise<Subscriber> {
  const { socket, heard } = await open(port);
  socket.write(`SUBSCRIBE ${channels.join(' ')}\r\n`);
  await eventually(() => channels.every((channel) => heard().includes(channel)));
  const all = () =>
    [...heard().matchAll(/\*3\r\n\$7\r\nmessage\r\n\$\d+\r\n(.*)\r\n\$\d+\r\n(.*)\r\n/g)].map(
      ([, channel, payload]) => `${channel} ${payload}`,
    );
  return {
    async messages(count) {
      await eventually(() => all().length >= count);
      return all();
    },
  };
}

async function open(port: number): Promise<{ socket: Socket; heard: () => string }> {
  const socket = connect({ host: '127.0.0.1', port });
  const parts: Buffer[] = [];
  socket.unref();
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => parts.push(bytes));
  await once(socket, 'connect');
  return { socket, heard: () => Buffer.concat(parts).toString('latin1') };
}
