/** Reading the log of alerts in pages: what a client that was away is replayed from. */
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ALERTS, backplaneOnRedis, contentsOf, goodFrame, type OnRedis, openCommands } from '../test/on-redis.ts';
import { readAlertLog } from './alert-log-reader.ts';
import type { NumberedEvent } from './envelope.ts';
import { ensureFunction } from './function-install.ts';

const ANY_SIZE = 1e9;
const DAY_SECONDS = 86_400;

let { server, redis, names, publisher } = {} as OnRedis;
beforeAll(async () => {
  ({ server, redis, names, publisher } = await backplaneOnRedis());
});
beforeEach(async () => {
  await server.cli('FLUSHALL');
});

const currentEpoch = async () => String(await redis.hget(names.streamKey(ALERTS), 'epoch'));
const read = (epoch: string, seq: number, maxBytes = ANY_SIZE) => readAlertLog(redis, names, { epoch, seq }, maxBytes);
const seqsOf = (events: readonly NumberedEvent[]) => events.map(({ seq }) => seq);

/** @returns the epoch */
async function publishAlerts(...frames: string[]): Promise<string> {
  for (const frame of frames) await publisher.publish(ALERTS, frame);
  return currentEpoch();
}

const alert = (timestamp: number) => goodFrame(ALERTS, { timestamp });
const alerts = (count: number) => Array.from({ length: count }, (_, i) => alert(1000 + i));

/** As the Function logs it, but for the time. */
async function logByHand(epoch: string, seq: number, ageSeconds: number): Promise<void> {
  const time = `${Math.floor(Date.now() / 1000) - ageSeconds}.000001`;
  await redis.xadd(names.logKey(), `${Number.parseInt(epoch)}-${seq}`, 'e', epoch, 't', time, 'f', alert(seq));
}

test('the events of a page are those that were published: number, epoch, time and bytes', async () => {
  const epoch = await publishAlerts(...alerts(3));
  const { events, more } = await read(epoch, 1);
  expect(more).toBe(false);
  expect(seqsOf(events)).toEqual([1, 2, 3]);
  expect(events.map(({ frame }) => frame.toString())).toEqual(alerts(3));
  expect(events[2]).toMatchObject({ kind: 'numbered', key: null, keep: true, epoch });
  expect(events[2]?.publishedAt).toBe(await redis.hget(names.streamKey(ALERTS), 'time'));
});

test('a page begins at the position itself, so that the reader sees whether the log still holds it', async () => {
  const epoch = await publishAlerts(...alerts(5));
  expect(seqsOf((await read(epoch, 4)).events)).toEqual([4, 5]);
  expect(seqsOf((await read(epoch, 0)).events)).toEqual([1, 2, 3, 4, 5]);
  expect(await read(epoch, 6)).toEqual({ events: [], more: false });
});

test('a log that was trimmed behind the position begins later', async () => {
  const epoch = await publishAlerts(...alerts(5));
  await redis.xtrim(names.logKey(), 'MINID', `${Number.parseInt(epoch)}-4`);
  expect(seqsOf((await read(epoch, 2)).events)).toEqual([4, 5]);
});

test('later epochs follow an older one, each event in its own', async () => {
  const older = await publishAlerts(...alerts(2));
  await redis.del(names.streamKey(ALERTS));
  const newer = await publishAlerts(...alerts(2));
  const found = (await read(older, 2)).events.map(({ epoch, seq }) => [epoch, seq]);
  expect(found).toEqual([
    [older, 2],
    [newer, 1],
    [newer, 2],
  ]);
  expect(seqsOf((await read(newer, 1)).events)).toEqual([1, 2]);
  expect((await read('1-000000', 0)).events).toHaveLength(4);
  expect((await read('99999999999999999-000000', 0)).events).toHaveLength(0);
});

test('a page has as many events as its bytes allow, and tells whether there are more', async () => {
  const epoch = await publishAlerts(...alerts(7));
  const bytes = Buffer.byteLength(alert(1000));
  const pageFrom = async (seq: number, maxBytes: number) => {
    const { events, more } = await read(epoch, seq, maxBytes);
    return [...seqsOf(events), more];
  };
  expect(await pageFrom(1, 3 * bytes)).toEqual([1, 2, 3, true]);
  expect(await pageFrom(1, 3 * bytes - 1)).toEqual([1, 2, true]);
  expect(await pageFrom(5, 3 * bytes)).toEqual([5, 6, 7, false]);
  expect(await pageFrom(1, 7 * bytes)).toEqual([1, 2, 3, 4, 5, 6, 7, false]);
});

test('one event is answered whatever its size', async () => {
  const large = goodFrame(ALERTS, { message: 'x'.repeat(60_000) });
  const epoch = await publishAlerts(large, alert(1), large);
  expect(await read(epoch, 1, 0)).toMatchObject({ events: [{ seq: 1 }], more: true });
  expect(await read(epoch, 2, 1000)).toMatchObject({ events: [{ seq: 2 }], more: true });
  expect(await read(epoch, 3, 1)).toMatchObject({ events: [{ seq: 3 }], more: false });
});

test('nothing older than 24 hours is read, though the log still holds it', async () => {
  const epoch = '1000-abcdef';
  for (let seq = 1; seq <= 40; seq++) await logByHand(epoch, seq, DAY_SECONDS + 60);
  await logByHand(epoch, 41, DAY_SECONDS - 60);
  await logByHand(epoch, 42, 0);
  expect(seqsOf((await read(epoch, 1)).events)).toEqual([41, 42]);
  // What remains decides whether there is more, not what is too old.
  await redis.del(names.logKey());
  await logByHand(epoch, 1, 0);
  await logByHand(epoch, 2, DAY_SECONDS + 60);
  expect(await read(epoch, 1, 1)).toMatchObject({ events: [{ seq: 1 }], more: false });
});

test('without a log there is nothing to read', async () => {
  expect(await read('1000-abcdef', 0)).toEqual({ events: [], more: false });
});

test('page by page every event is read once and in order, while others are published and the log is trimmed', async () => {
  const TOTAL = 11_000;
  const epoch = await publishAlerts(alert(0));
  const other = await openCommands(server.url);
  const publishing = (async () => {
    for (let done = 1; done < TOTAL; done += 100) {
      await Promise.all(Array.from({ length: Math.min(100, TOTAL - done) }, () => publisher.publish(ALERTS, alert(0))));
    }
  })();
  let position = 1;
  const seqs = [position];
  while (position < TOTAL) {
    const { events } = await readAlertLog(other, names, { epoch, seq: position }, 20_000);
    expect(events[0]?.seq).toBe(position);
    seqs.push(...seqsOf(events.slice(1)));
    position = seqs.at(-1) ?? 0;
  }
  await publishing;
  expect(seqs).toEqual(Array.from({ length: TOTAL }, (_, i) => i + 1));
});

test('reading changes nothing', async () => {
  const epoch = await publishAlerts(...alerts(2));
  await redis.hset(names.streamKey(ALERTS), 'boot', 'another');
  const before = await contentsOf(redis);
  await read(epoch, 1);
  expect(await contentsOf(redis)).toEqual(before);
});

test.each([
  ['another stream', 'tickcast:{market_data:A}', '1-abcdef', '0', '1'],
  ['no stream', 'tickcast:{alerts}:log', '1-abcdef', '0', '1'],
  ['no epoch', 'tickcast:{alerts}', '1', '0', '1'],
  ['an epoch beyond what ids can hold', 'tickcast:{alerts}', '123456789012345678-abcdef', '0', '1'],
  ['a negative seq', 'tickcast:{alerts}', '1-abcdef', '-1', '1'],
  ['a seq beyond what numbers can hold', 'tickcast:{alerts}', '1-abcdef', '12345678901234567', '1'],
  ['half a byte', 'tickcast:{alerts}', '1-abcdef', '0', '0.5'],
  ['too little', 'tickcast:{alerts}', '1-abcdef'],
])('%s is refused', async (_, key, ...args) => {
  await expect(redis.fcall_ro('tickcast_replay', 1, key, ...args)).rejects.toThrow(/^ERR tickcast: /);
});

test('without the library, and without Redis, the reader is told', async () => {
  await server.cli('FUNCTION', 'FLUSH');
  await expect(read('1-abcdef', 0)).rejects.toMatchObject({ code: 'function_unavailable' });
  await ensureFunction(redis);
  const gone = await openCommands(server.url);
  gone.disconnect();
  const reading = readAlertLog(gone, names, { epoch: '1-abcdef', seq: 0 }, 1);
  await expect(reading).rejects.toMatchObject({ code: 'backplane_unavailable' });
});
