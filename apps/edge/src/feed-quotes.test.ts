import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { EPOCH, NEXT_EPOCH, envelope, numbered, stored } from '../test/support/events.ts';
import { marketData } from '../test/support/frames.ts';
import { scheduleUnder } from '../test/support/parts.ts';
import { Feed, type FeedSink } from './feed.ts';

const KEY = '0700.HK';

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

/** A feed of quotes that stands at event 0, and what it did with what came. */
function quotes() {
  const did = { deliveries: [] as unknown[], raw: [] as unknown[], received: 0, refused: 0, repeated: 0 };
  const sink: FeedSink = {
    deliver: (_feed, _stream, { event, conflated, holes }) =>
      did.deliveries.push({ epoch: event.epoch, seq: event.seq, conflated, holes }),
    deliverRaw: (_feed, _stream, { frame, conflated }) => did.raw.push({ frame: frame.toString(), conflated }),
    received: (_channel, _numbered, count) => (did.received += count),
    refused: () => (did.refused += 1),
    repeated: () => (did.repeated += 1),
    heal: () => undefined,
  };
  const pacing = { rate: 10, schedule: scheduleUnder(), clock: () => performance.now() };
  const feed = new Feed('name', { channel: 'market_data', key: KEY }, pacing, sink);
  feed.resume([stored(numbered(0, { key: KEY }), { frame: null })]);
  const quote = (seq: number, epoch = EPOCH) => envelope(numbered(seq, { key: KEY, epoch }));
  return { feed, did, quote };
}

const delivery = (seq: number, conflated: number, parts: object = {}) => ({
  epoch: EPOCH,
  seq,
  conflated,
  holes: [],
  ...parts,
});

test('of those that come faster than they may go the newest goes, and stands for the others', () => {
  const { feed, did, quote } = quotes();
  for (let seq = 1; seq <= 10; seq += 1) feed.message(quote(seq));
  jest.advanceTimersByTime(1000);
  expect(did.deliveries).toEqual([delivery(1, 0), delivery(10, 8)]);
  expect(did.received).toBe(10);
});

test('a newest one that is bad is refused, and the newest good one goes', () => {
  const { feed, did, quote } = quotes();
  for (const seq of [1, 2, 3, 4]) feed.message(quote(seq));
  feed.message(envelope(numbered(5, { key: KEY, frame: Buffer.from('{"type":"market_data"}') })));
  // Of these the first line tells it, at once.
  feed.message(envelope(numbered(6, { key: '9988.HK' })));
  feed.message(Buffer.from('T1 what\n{}'));
  expect(did.refused).toBe(2);
  jest.advanceTimersByTime(1000);
  expect(did.deliveries).toEqual([delivery(1, 0), delivery(4, 2)]);
  expect(did.refused).toBe(3);
});

test('where all that came are bad, the one that waits goes', () => {
  const { feed, did, quote } = quotes();
  for (const seq of [1, 2]) feed.message(quote(seq));
  feed.message(envelope(numbered(3, { key: '9988.HK' })));
  jest.advanceTimersByTime(1000);
  expect(did.deliveries).toEqual([delivery(1, 0), delivery(2, 0)]);
});

test('an event that was seen before counts as repeated, and hides none that came before it', () => {
  const { feed, did, quote } = quotes();
  for (const seq of [1, 2, 3, 2]) feed.message(quote(seq));
  jest.advanceTimersByTime(1000);
  expect(did.deliveries).toEqual([delivery(1, 0), delivery(3, 1)]);
  expect(did.repeated).toBe(1);
});

test('nor does one that comes behind a newer one take its place', () => {
  const { feed, did, quote } = quotes();
  for (const seq of [1, 2, 5, 4]) feed.message(quote(seq));
  jest.advanceTimersByTime(1000);
  expect(did.deliveries).toEqual([delivery(1, 0), delivery(5, 3)]);
  expect(did.repeated).toBe(1);
});

test('a new epoch begins with a hole after the last that was sent', () => {
  const { feed, did, quote } = quotes();
  for (const seq of [1, 2, 3]) feed.message(quote(seq));
  for (const seq of [1, 2, 3]) feed.message(quote(seq, NEXT_EPOCH));
  jest.advanceTimersByTime(1000);
  const holes = [{ epoch: EPOCH, from: 2, to: null }];
  expect(did.deliveries).toEqual([delivery(1, 0), delivery(3, 2, { epoch: NEXT_EPOCH, holes })]);
});

test('frames of a plain PUBLISH are read as they come, and each kind counts its own', () => {
  const { feed, did, quote } = quotes();
  const frame = JSON.stringify(marketData(KEY));
  for (let seq = 1; seq <= 4; seq += 1) {
    feed.message(quote(seq));
    feed.message(Buffer.from(frame));
  }
  feed.message(Buffer.from('{"type":"market_data"}'));
  expect(did.refused).toBe(1);
  jest.advanceTimersByTime(1000);
  expect(did.deliveries).toEqual([delivery(1, 0), delivery(4, 2)]);
  expect(did.raw).toEqual([{ frame, conflated: 3 }]);
});

test('what has come is known before Redis is asked what is missing', () => {
  const { feed, did, quote } = quotes();
  for (const seq of [1, 2, 3, 4, 5]) feed.message(quote(seq));
  feed.pause();
  expect(feed.isBehind({ key: KEY, epoch: EPOCH, seq: 5 })).toBe(false);
  expect(feed.isBehind({ key: KEY, epoch: EPOCH, seq: 6 })).toBe(true);
  feed.resume([stored(numbered(6, { key: KEY }))]);
  jest.advanceTimersByTime(1000);
  expect(did.deliveries).toEqual([delivery(1, 0), delivery(6, 4)]);
});

test('no more than some are kept unread, however fast they come', () => {
  const { feed, did, quote } = quotes();
  for (let seq = 1; seq <= 500; seq += 1) feed.message(quote(seq));
  expect(did.received).toBeGreaterThan(400);
  jest.advanceTimersByTime(1000);
  expect(did.deliveries).toEqual([delivery(1, 0), delivery(500, 498)]);
  expect(did.received).toBe(500);
});
