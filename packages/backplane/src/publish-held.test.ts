import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { MAX_FRAME_BYTES } from '@tickcast/protocol';
import { eventually } from '@tickcast/testing';
import {
  agent,
  ALERTS,
  backplaneOnRedis,
  backtest,
  contentsOf,
  goodFrame,
  type OnRedis,
  openCommands,
  quotesOf,
} from '../test/on-redis.ts';
import { decodeEnvelope } from './envelope.ts';
import { createLease, type HeldLease, type Lease } from './lease.ts';
import { createPublisher, type NewEvent } from './publisher.ts';

let { server, redis, names, publisher } = {} as OnRedis;
let lease: Lease;
beforeAll(async () => {
  ({ server, redis, names, publisher } = await backplaneOnRedis());
});
beforeEach(async () => {
  await server.cli('FLUSHALL');
  lease = createLease({ redis, names, name: 'market', ttlMs: 60_000 });
  await lease.take();
});

const quote = (key: string, data: Record<string, unknown> = {}): NewEvent => {
  const id = quotesOf(key);
  return { id, frame: goodFrame(id, data) };
};
const numbered = (count: number) => Array.from({ length: count }, (_, i) => quote(`S${i}`));
const seqOf = async (key: string) => Number(await redis.hget(names.streamKey(quotesOf(key)), 'seq'));

test('who holds the lease publishes to streams of every channel, in the order given', async () => {
  const listener = await openCommands(server.url);
  const published: Array<[string | null, number, string]> = [];
  listener.on('pmessageBuffer', (_: Buffer, __: Buffer, message: Buffer) => {
    const event = decodeEnvelope(message);
    if (event && event !== 'raw') published.push([event.key, event.seq, event.frame.toString()]);
  });
  await listener.psubscribe('tickcast:{*');
  const ids = [quotesOf('B'), agent('x'), quotesOf('A'), ALERTS, backtest('y'), quotesOf('B')];
  const events = ids.map((id, n) => ({ id, frame: Buffer.from(goodFrame(id, { n })) }));
  const seqs = [1, 1, 1, 1, 1, 2];
  expect(await publisher.publishHeld(lease, events)).toEqual(seqs);
  await eventually(() => published.length === 6);
  expect(published).toEqual(events.map(({ id, frame }, i) => [id.key, seqs[i], frame.toString()]));
});

test('what is published so is numbered together with what is published otherwise', async () => {
  const id = quotesOf('MIXED');
  expect(await publisher.publish(id, goodFrame(id))).toBe(1);
  expect(await publisher.publishHeld(lease, [quote('MIXED'), quote('MIXED')])).toEqual([2, 3]);
  expect(await publisher.publish(id, goodFrame(id))).toBe(4);
});

test.each<[string, () => Promise<HeldLease>]>([
  ['another holder', async () => ({ key: lease.key, holder: 'other' })],
  ['an empty holder', async () => ({ key: lease.key, holder: '' })],
  ['a lease that nobody took', async () => createLease({ redis, names, name: 'free', ttlMs: 1000 })],
  ['an empty holder of a lease that nobody took', async () => ({ key: names.leaseKey('free'), holder: '' })],
  [
    'a lease that was given up',
    async () => {
      await lease.release();
      return lease;
    },
  ],
  [
    'a lease whose time is over',
    async () => {
      await redis.pexpire(lease.key, 1);
      await eventually(async () => (await redis.exists(lease.key)) === 0);
      return lease;
    },
  ],
  [
    'a lease that somebody else took since',
    async () => {
      await redis.del(lease.key);
      await createLease({ redis, names, name: 'market', ttlMs: 60_000 }).take();
      return lease;
    },
  ],
])('with %s nothing is published', async (_, held) => {
  const other = await held();
  const before = await contentsOf(redis);
  await expect(publisher.publishHeld(other, [quote('A'), quote('B')])).rejects.toMatchObject({ code: 'lease_lost' });
  expect(await contentsOf(redis)).toEqual(before);
});

test('any string in Redis can be the lease, such as the lock of a job', async () => {
  const held = { key: 'tickcast:{jobs}:backtests:bt_1:lock', holder: 'token:7' };
  await redis.set(held.key, held.holder, 'PX', 60_000);
  expect(await publisher.publishHeld(held, [quote('A')])).toEqual([1]);
  await redis.set(held.key, 'token:8');
  await expect(publisher.publishHeld(held, [quote('A')])).rejects.toMatchObject({ code: 'lease_lost' });
});

test('what a hung Redis carries out after the end of the lease is not published, whatever else waited with it', async () => {
  const impatient = await openCommands(server.url, 1000);
  const slow = createPublisher({ redis: impatient, names });
  const term = { names, name: 'hung', ttlMs: 60_000 };
  const held = createLease({ redis: impatient, ...term });
  await held.take();
  expect(await slow.publishHeld(held, [quote('A')])).toEqual([1]);

  await redis.pexpire(held.key, 2000);
  server.pause();
  const late = [
    slow.publishHeld(held, [quote('A'), quote('B')]),
    // Taken anew, it would let the one behind it pass.
    held.take(),
    slow.publishHeld(held, [quote('A'), quote('B')]),
  ];
  for (const call of late) await expect(call).rejects.toMatchObject({ code: 'backplane_unavailable' });
  // The time of the lease passes while Redis hangs; what was sent waits in its socket.
  await sleep(1500);
  server.resume();

  const next = createLease({ redis, ...term });
  await eventually(() => next.take());
  // A connection's commands are carried out in their order: once it answers, the late ones are done with.
  await eventually(async () => (await impatient.ping()) === 'PONG');
  expect([await seqOf('A'), await seqOf('B')]).toEqual([1, 0]);
  expect(await publisher.publishHeld(next, [quote('A')])).toEqual([2]);
});

test('a bad event among good ones is refused with a reason, and the others are published', async () => {
  const long = quote('LONG', { text: 'x'.repeat(MAX_FRAME_BYTES) });
  const events = [quote('A'), { ...quote('B'), frame: '{}' }, long, { ...quote('C'), eventId: 'x'.repeat(129) }];
  const replies = await publisher.publishHeld(lease, [...events, quote('A')]);
  expect(replies).toEqual([1, expect.any(Error), expect.any(Error), expect.any(Error), 2]);
  expect(replies.slice(1, 4)).toMatchObject([
    { code: 'publish_refused', message: 'type must be "market_data", as in the name of the stream' },
    { code: 'publish_refused', message: expect.stringMatching(/^the frame has \d+ bytes, the limit is 65536/) },
    { code: 'publish_refused', message: expect.stringMatching(/^the event id has 129 bytes/) },
  ]);
  expect([await seqOf('B'), await seqOf('LONG'), await seqOf('C')]).toEqual([0, 0, 0]);
});

test('a stream that somebody has overwritten with another type costs the others nothing', async () => {
  await redis.set(names.streamKey(quotesOf('BROKEN')), 'text');
  const replies = await publisher.publishHeld(lease, [quote('A'), quote('BROKEN'), quote('B')]);
  expect(replies).toEqual([1, expect.any(Error), 1]);
  expect(replies[1]).toMatchObject({ code: 'publish_refused', message: expect.stringMatching(/WRONGTYPE/) });
});

test('an event id is the same one whichever way its event is published', async () => {
  const event = { ...quote('ONCE'), eventId: 'e1' };
  const again = quote('ONCE', { again: true });
  expect(await publisher.publishHeld(lease, [event, { ...again, eventId: 'e1' }, again])).toEqual([1, 1, 2]);
  expect(await publisher.publish(event.id, event.frame, 'e1')).toBe(1);
  expect(await publisher.publish(event.id, event.frame, 'e2')).toBe(3);
  expect(await publisher.publishHeld(lease, [{ ...event, eventId: 'e2' }])).toEqual([3]);
  expect(await seqOf('ONCE')).toBe(3);
});

test('64 events are published in one call, 65 are refused, none needs no Redis', async () => {
  expect(await publisher.publishHeld(lease, numbered(64))).toEqual(Array(64).fill(1));
  await expect(publisher.publishHeld(lease, numbered(65))).rejects.toThrow(RangeError);
  const args = numbered(65).flatMap(({ frame }) => [frame, '']);
  const keys = [lease.key, ...numbered(65).map(({ id }) => names.streamKey(id))];
  const raw = redis.fcall('tickcast_publish_held', keys.length, ...keys, lease.holder, ...args);
  await expect(raw).rejects.toThrow(/^ERR tickcast: there are 65 events; publish at most 64 at once/);
  expect(await seqOf('S0')).toBe(1);
  expect(await publisher.publishHeld({ key: 'none', holder: 'none' }, [])).toEqual([]);
});

test('called with too few or too many arguments it says how to call it', async () => {
  const stream = names.streamKey(ALERTS);
  const wrong: Array<[number, ...string[]]> = [
    [0],
    [1, lease.key, lease.holder],
    [2, lease.key, stream, lease.holder],
    [2, lease.key, stream, lease.holder, '{}'],
    [2, lease.key, stream, lease.holder, '{}', '', '{}'],
  ];
  for (const args of wrong) {
    const call = redis.fcall('tickcast_publish_held', ...args);
    await expect(call).rejects.toThrow(/^ERR tickcast: call it as FCALL tickcast_publish_held/);
  }
});

test('beside a library of an older version the publisher is told what is missing', async () => {
  await server.cli('FUNCTION', 'FLUSH');
  const failed = publisher.publishHeld(lease, [quote('A')]);
  await expect(failed).rejects.toMatchObject({ code: 'function_unavailable' });
});
