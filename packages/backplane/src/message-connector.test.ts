import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { eventually, freePort, type RedisServer, seededRandom, startFaultProxy, startRedis } from '@tickcast/testing';
import { Redis } from 'ioredis';
import { openCommands, untilReady } from '../test/on-redis.ts';
import { type Commands, connectSubscriber } from './connections.ts';
import { createMessageConnector, type MessageConnectorOptions } from './message-connector.ts';

const KIB = 1024;
const PLENTY_BYTES = 64 * KIB;
/** Around what one read may bring and what is plenty, and more than one read brings. */
const SIZES = [1, 2, 1000, 16 * KIB, ...[64, 256].flatMap((kib) => [-1, 0, 1].map((by) => kib * KIB + by)), 300 * KIB];

let server: RedisServer;
let publisher: Commands;
beforeEach(async () => {
  server = await startRedis();
  publisher = await openCommands(server.url);
});

const opened: Redis[] = [];
afterEach(() => {
  for (const redis of opened.splice(0)) redis.disconnect();
});

const inClear = (options: MessageConnectorOptions) => connectSubscriber(server.url, options);

/** A subscriber to `a`, after each reconnect too, that rests so long after each read. */
async function listen(ms: number, connect: (options: MessageConnectorOptions) => Redis = inClear) {
  const told: Buffer[] = [];
  const errors: unknown[] = [];
  const reads: { bytes: number; rested: boolean }[] = [];
  let onRest = () => {};
  let subscribed = 0;
  const redis = connect({
    onMessage: (_channel, message) => told.push(message),
    rest: (resume) => {
      const read = reads.at(-1);
      if (read) read.rested = true;
      onRest();
      if (ms > 0) setTimeout(resume, ms);
      return ms > 0;
    },
  });
  opened.push(redis);
  redis.on('error', (error) => errors.push(error));
  redis.on('connect', () => {
    const { stream } = redis;
    let before = stream.bytesRead;
    stream.prependListener('data', () => {
      reads.push({ bytes: stream.bytesRead - before, rested: false });
      before = stream.bytesRead;
    });
  });
  redis.on('ready', () => {
    const count = () => void (subscribed += 1);
    redis.subscribe('a').then(count, () => undefined);
  });
  const subscribedAgain = (times: number) => eventually(() => subscribed >= times, { withinMs: 10_000 });
  await subscribedAgain(1);
  return {
    redis,
    reads,
    errors,
    texts: () => told.map(String),
    digests: () => told.map(digest),
    count: () => told.length,
    subscribedAgain,
    /** Resolves when one has just begun. */
    nextRest: () => new Promise<void>((resolve) => (onRest = resolve)),
  };
}

const digest = (bytes: Buffer) => `${bytes.length} ${createHash('sha1').update(bytes).digest('hex')}`;

/** Full of what ends lines and begins replies, so that only lengths tell where it ends; each is another. */
function messageOf(bytes: number, random: () => number): Buffer {
  return Buffer.alloc(bytes, `\r\n$${Math.floor(random() * 1e9)}\r\n*3\r\n`);
}

test.each([0, 4])('messages of all sizes come whole and in order, with rests of %i ms', async (ms) => {
  const { digests, count } = await listen(ms);
  const random = seededRandom(1);
  const alone = SIZES.map((size) => messageOf(size, random));
  for (const message of alone) await publisher.publish('a', message);
  const small = Array.from({ length: 4000 }, () => messageOf(1 + Math.floor(random() * 500), random));
  const together = [...small.slice(0, 2000), ...alone, ...small.slice(2000), ...alone];
  const pipeline = publisher.pipeline();
  for (const message of together) pipeline.publish('a', message);
  await pipeline.exec();
  const sent = [...alone, ...together];
  await eventually(() => count() === sent.length, { withinMs: 10_000 });
  expect(digests()).toEqual(sent.map(digest));
});

test('what comes during a rest is read after it, and none of it is lost; other commands are answered', async () => {
  const ms = 50;
  const { redis, reads, texts, count, nextRest } = await listen(ms);
  await nextRest();
  const startedAt = performance.now();
  const before = reads.length;
  const answers = Promise.all([redis.ping(), redis.subscribe('another')]);
  const sent = Array.from({ length: 500 }, (_, index) => String(index));
  // One by one: without the rests each of them would be a read.
  for (const text of sent) await publisher.publish('a', text);
  await eventually(() => count() === sent.length);
  // A timer may be a millisecond early.
  expect(reads.length - before).toBeLessThanOrEqual((performance.now() - startedAt) / (ms - 1) + 1);
  expect(texts()).toEqual(sent);
  expect(await answers).toEqual([['pong', ''], 2]);
});

test('a read that brought 64 KiB is followed by the next without a rest, and only such a read', async () => {
  const { reads, count } = await listen(50);
  const message = Buffer.alloc(10 * KIB);
  let sent = 0;
  await eventually(
    async () => {
      const pipeline = publisher.pipeline();
      for (let left = 200; left > 0; left -= 1) pipeline.publish('a', message);
      sent += 200;
      await pipeline.exec();
      await eventually(() => count() === sent);
      return reads.some(({ bytes }) => bytes >= PLENTY_BYTES);
    },
    { withinMs: 20_000 },
  );
  for (const { bytes, rested } of reads) expect({ bytes, rested }).toEqual({ bytes, rested: bytes < PLENTY_BYTES });
});

test('disconnected during a rest, the connection ends, and the end of the rest changes nothing', async () => {
  const ms = 400;
  const { redis, errors, nextRest } = await listen(ms);
  const { stream } = redis;
  await nextRest();
  // Begun after that of the rest, as long: it ends after it.
  const restOver = sleep(ms);
  redis.disconnect();
  await eventually(() => redis.status === 'end');
  await restOver;
  expect([stream.destroyed, redis.status, errors]).toEqual([true, 'end', []]);
});

test.each([
  ['killed by Redis', async () => void (await publisher.call('CLIENT', 'KILL', 'TYPE', 'pubsub'))],
  [
    'with Redis killed and started again',
    async () => {
      await server.kill();
      await eventually(() => publisher.status !== 'ready');
      await server.start();
      await untilReady(publisher);
    },
  ],
])('%s during a rest, the connection comes back and messages with it', async (_how, kill) => {
  const { texts, count, subscribedAgain, nextRest } = await listen(300);
  await publisher.publish('a', 'before');
  await eventually(() => count() === 1);
  await nextRest();
  await kill();
  await subscribedAgain(2);
  await publisher.publish('a', 'after');
  await eventually(() => count() === 2);
  expect(texts()).toEqual(['before', 'after']);
});

test("what can't be read ends the connection, and the next one brings messages again", async () => {
  const proxy = await startFaultProxy(server.port);
  const { errors, texts, count, subscribedAgain } = await listen(0, (options) =>
    connectSubscriber(`redis://127.0.0.1:${proxy.port}`, options),
  );
  const push = (text: string) => `*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$${text.length}\r\n${text}\r\n`;
  proxy.inject(Buffer.from(`${push('before')}%1\r\n+x\r\n:1\r\n${push('behind')}`), 'to-client');
  await subscribedAgain(2);
  await publisher.publish('a', 'after');
  await eventually(() => count() === 2);
  expect(texts()).toEqual(['before', 'after']);
  expect(errors).toEqual([expect.objectContaining({ code: 'unreadable_reply' })]);
  proxy.close();
});

test('over TLS messages come as well, and nothing rests whatever is asked for', async () => {
  const pem = join(server.directory, 'tls.pem');
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await promisify(execFile)('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', pem, '-out', `${pem}.crt`]);
  const port = await freePort();
  const files = ['tls-cert-file', `${pem}.crt`, 'tls-key-file', pem, 'tls-auth-clients', 'no'];
  await server.cli('CONFIG', 'SET', ...files, 'tls-port', String(port));
  const tls = { ca: await readFile(`${pem}.crt`) };
  const { reads, digests, count } = await listen(
    10_000,
    (options) => new Redis({ host: '127.0.0.1', port, protocol: 2, tls, Connector: createMessageConnector(options) }),
  );
  const random = seededRandom(2);
  const sent = [...SIZES, ...SIZES].map((size) => messageOf(size, random));
  const pipeline = publisher.pipeline();
  for (const message of sent) pipeline.publish('a', message);
  await pipeline.exec();
  await eventually(() => count() === sent.length);
  expect(digests()).toEqual(sent.map(digest));
  expect(reads.filter(({ rested }) => rested)).toEqual([]);
});
