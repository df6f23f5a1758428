/** The log that alerts are replayed from, which the Function writes. */
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ALERTS, backplaneOnRedis, goodFrame, type OnRedis } from '../test/on-redis.ts';

const EVENTS = 10_000;
const BYTES = 16 * 1024 * 1024;
const DAY_SECONDS = 86_400;

let { server, redis, names, publisher } = {} as OnRedis;
beforeAll(async () => {
  ({ server, redis, names, publisher } = await backplaneOnRedis());
});
beforeEach(async () => {
  await server.cli('FLUSHALL');
});

interface Entry {
  id: string;
  fields: Record<string, string>;
}

async function readLog(): Promise<Entry[]> {
  const entries = await redis.xrange(names.logKey(), '-', '+');
  return entries.map(([id, fields]) => ({
    id,
    fields: Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? '']] : []))),
  }));
}

async function publishMany(count: number, frame = goodFrame(ALERTS)): Promise<void> {
  for (let done = 0; done < count; done += 500) {
    const batch = Math.min(500, count - done);
    await Promise.all(Array.from({ length: batch }, () => publisher.publish(ALERTS, frame)));
  }
}

const bytesCounted = async () => Number(await redis.hget(names.streamKey(ALERTS), 'log_bytes'));

test('every alert is logged with its number, epoch, time and bytes', async () => {
  const frames = [1, 2, 3].map((timestamp) => goodFrame(ALERTS, { timestamp }));
  for (const frame of frames) await publisher.publish(ALERTS, frame);
  const state = await redis.hgetall(names.streamKey(ALERTS));
  const log = await readLog();
  const epochNumber = String(state['epoch']).split('-')[0];
  expect(log.map(({ id }) => id)).toEqual([1, 2, 3].map((seq) => `${epochNumber}-${seq}`));
  expect(log.map(({ fields }) => fields['f'])).toEqual(frames);
  expect(log.every(({ fields }) => fields['e'] === state['epoch'])).toBe(true);
  expect(log[2]?.fields['t']).toBe(state['time']);
  expect(await bytesCounted()).toBe(Buffer.byteLength(frames.join('')));
});

test('only alerts are logged', async () => {
  const id = { channel: 'market_data', key: 'A' } as const;
  await publisher.publish(id, goodFrame(id));
  expect(await redis.keys('*log*')).toEqual([]);
});

test('the log holds the newest 10,000 events', async () => {
  await publishMany(EVENTS + 250);
  const log = await readLog();
  expect(log).toHaveLength(EVENTS);
  expect(log[0]?.id).toMatch(/-251$/);
  expect(await bytesCounted()).toBe(EVENTS * Buffer.byteLength(goodFrame(ALERTS)));
});

test('the log holds 16 MiB, and a large event pushes out many small ones', async () => {
  await publishMany(1000);
  const large = goodFrame(ALERTS, { message: 'x'.repeat(60_000) });
  await publishMany(300, large);
  const log = await readLog();
  expect(log).toHaveLength(Math.floor(BYTES / Buffer.byteLength(large)));
  expect(await bytesCounted()).toBe(log.length * Buffer.byteLength(large));
  expect(log.at(-1)?.id).toMatch(/-1300$/);
});

test('the log holds 24 hours, however few events there are', async () => {
  await publisher.publish(ALERTS, goodFrame(ALERTS));
  const [first] = await readLog();
  const now = Math.floor(Date.now() / 1000);
  const ages = [DAY_SECONDS + 60, DAY_SECONDS + 1, DAY_SECONDS - 60];
  await redis.del(names.logKey());
  const frame = goodFrame(ALERTS);
  for (const [i, age] of ages.entries()) {
    await redis.xadd(names.logKey(), `1000-${i + 1}`, 'e', '1000-abcdef', 't', `${now - age}.000001`, 'f', frame);
  }
  await redis.hset(names.streamKey(ALERTS), 'log_bytes', 3 * Buffer.byteLength(frame));
  await publisher.publish(ALERTS, frame);
  expect((await readLog()).map(({ id }) => id)).toEqual(['1000-3', first?.id.replace(/-1$/, '-2')]);
  expect(await bytesCounted()).toBe(2 * Buffer.byteLength(frame));
});

test('a log that was quiet for 24 hours goes away by itself', async () => {
  await publisher.publish(ALERTS, goodFrame(ALERTS));
  const left = await redis.pttl(names.logKey());
  expect(left).toBeGreaterThan(DAY_SECONDS * 1000 - 5000);
  expect(left).toBeLessThanOrEqual(DAY_SECONDS * 1000);
});

test('when the state was lost, the log goes on in a higher epoch, and its bytes are counted anew', async () => {
  await publishMany(40);
  const ahead = BigInt(String((await readLog())[0]?.id.split('-')[0])) + 3_600_000_000n;
  // An hour ahead: as if the clock had been set back since.
  await redis.xadd(
    names.logKey(),
    `${ahead}-7`,
    'e',
    `${ahead}-abcdef`,
    't',
    String(Date.now() / 1000),
    'f',
    'x'.repeat(9),
  );
  await redis.del(names.streamKey(ALERTS));
  expect(await publisher.publish(ALERTS, goodFrame(ALERTS))).toBe(1);
  const log = await readLog();
  expect(log.at(-1)?.id).toBe(`${ahead + 1n}-1`);
  expect(log.at(-1)?.fields['e']).toMatch(new RegExp(`^${ahead + 1n}-`));
  expect(await bytesCounted()).toBe(41 * Buffer.byteLength(goodFrame(ALERTS)) + 9);
});
