import { describe, expect, test } from '@jest/globals';
import type { Channel } from '@tickcast/protocol';
import { EPOCH, NEXT_EPOCH, envelope, numbered, stored } from '../test/support/events.ts';
import { agentStatus, alert, marketData } from '../test/support/frames.ts';
import { scheduleUnder } from '../test/support/parts.ts';
import { Feed, type FeedSink } from './feed.ts';

/** Notes what a feed does with its messages. */
class Recorder implements FeedSink {
  readonly deliveries: unknown[] = [];
  readonly raw: string[] = [];
  readonly refusals: string[] = [];
  repeats = 0;
  receipts = 0;

  deliver(...[, stream, { event, conflated, holes }]: Parameters<FeedSink['deliver']>): void {
    this.deliveries.push({ key: stream.id.key, epoch: event.epoch, seq: event.seq, conflated, holes });
  }

  deliverRaw(...[, , { frame }]: Parameters<FeedSink['deliverRaw']>): void {
    this.raw.push(frame.toString());
  }

  received(): void {
    this.receipts += 1;
  }

  repeated(): void {
    this.repeats += 1;
  }

  heal(feed: Feed): void {
    feed.healed({ read: true, standsFrom: null });
  }

  refused(...[, problem]: Parameters<FeedSink['refused']>): void {
    this.refusals.push(problem);
  }
}

const DAY_MS = 24 * 60 * 60 * 1000;
const clock = { now: 0 };

function feedOf(channel: Channel, key: string | null = null) {
  const sink = new Recorder();
  const feed = new Feed(
    'name',
    { channel, key },
    { rate: 10, schedule: scheduleUnder(), clock: () => clock.now },
    sink,
  );
  return { feed, sink };
}

const delivery = (seq: number, parts: object = {}) => ({
  key: null,
  epoch: EPOCH,
  seq,
  conflated: 0,
  holes: [],
  ...parts,
});

describe('a feed of alerts', () => {
  /** One that stands at event 5. */
  function live() {
    const parts = feedOf('alerts');
    parts.feed.pause();
    parts.feed.resume([stored(numbered(5), { frame: null })]);
    return parts;
  }

  test('starts where Redis stands, and delivers nothing of before', () => {
    const { feed, sink } = live();
    expect(feed.live).toBe(true);
    expect(sink.deliveries).toEqual([]);
    feed.message(envelope(numbered(6)));
    expect(sink.deliveries).toEqual([delivery(6)]);
  });

  test('puts what comes while the state is read after the state, without what the state holds already', () => {
    const { feed, sink } = feedOf('alerts');
    feed.pause();
    for (const seq of [4, 5, 6, 7]) feed.message(envelope(numbered(seq)));
    expect(sink.deliveries).toEqual([]);
    feed.resume([stored(numbered(5))]);
    expect(sink.deliveries).toEqual([delivery(6), delivery(7)]);
    expect(sink.repeats).toBe(2);
  });

  test('keeps the backlog until all who paused it have resumed it', () => {
    const { feed, sink } = live();
    feed.pause();
    feed.message(envelope(numbered(6)));
    feed.pause();
    feed.resume(null);
    expect(sink.deliveries).toEqual([]);
    feed.resume(null);
    expect(sink.deliveries).toEqual([delivery(6)]);
  });

  test('that can not be read is not live', () => {
    const { feed } = feedOf('alerts');
    feed.pause();
    feed.resume(null);
    expect(feed.live).toBe(false);
  });

  test('after an outage delivers what Redis holds and it never saw, with the hole before it', () => {
    const { feed, sink } = live();
    feed.pause();
    feed.message(envelope(numbered(9)));
    feed.resume([stored(numbered(8))]);
    expect(sink.deliveries).toEqual([delivery(8, { holes: [{ epoch: EPOCH, from: 6, to: 7 }] }), delivery(9)]);
  });

  test('takes nothing from a Redis that has an older copy of its numbering', () => {
    const { feed, sink } = live();
    feed.message(envelope(numbered(6)));
    feed.pause();
    feed.resume([stored(numbered(4))]);
    expect(sink.deliveries).toEqual([delivery(6)]);
  });

  test('takes no last value of an epoch it has passed', () => {
    const { feed, sink } = live();
    feed.message(envelope(numbered(1, { epoch: NEXT_EPOCH })));
    feed.pause();
    feed.resume([stored(numbered(9), { epoch: '1701234569000000-00000c', seq: 0 })]);
    expect(sink.deliveries).toHaveLength(1);
  });

  test('goes on in a new epoch with a hole that has no known end', () => {
    const { feed, sink } = live();
    feed.pause();
    feed.resume([stored(numbered(2, { epoch: NEXT_EPOCH }))]);
    const holes = [
      { epoch: EPOCH, from: 6, to: null },
      { epoch: NEXT_EPOCH, from: 1, to: 1 },
    ];
    expect(sink.deliveries).toEqual([delivery(2, { epoch: NEXT_EPOCH, holes })]);
  });

  test('passes on a good frame from a plain PUBLISH', () => {
    const { feed, sink } = live();
    const frame = JSON.stringify(alert('margin'));
    feed.message(Buffer.from(frame));
    expect(sink.raw).toEqual([frame]);
  });
});

describe('never delivered, but refused, is', () => {
  test.each([
    ['garbage', Buffer.from('garbage')],
    ['an empty message', Buffer.alloc(0)],
    ['an envelope that can not be read', Buffer.from('T2 what\n{}')],
    ['a raw frame of another channel', Buffer.from(JSON.stringify(alert('x')))],
    ['a raw frame with a field of the server', Buffer.from(JSON.stringify({ ...marketData('0700.HK'), seq: 1 }))],
    ['a raw frame of another symbol', Buffer.from(JSON.stringify(marketData('9988.HK')))],
    ['an event of another symbol', envelope(numbered(1, { key: '9988.HK' }))],
    ['an event without a key', envelope(numbered(1))],
    ['a message of 65 KiB and more', Buffer.concat([envelope(numbered(1, { key: '0700.HK' })), Buffer.alloc(67_000)])],
  ])('%s', (_, message) => {
    const { feed, sink } = feedOf('market_data', '0700.HK');
    feed.resume([]);
    feed.message(message);
    expect(sink.refusals).toHaveLength(1);
    expect([sink.deliveries, sink.raw, sink.receipts]).toEqual([[], [], 0]);
  });

  test.each([
    ['an event without a key on the channel of all agents', numbered(1)],
    ['an event on it whose key is none', numbered(1, { key: 'a:b' })],
  ])('%s', (_, event) => {
    const { feed, sink } = feedOf('agent_status');
    feed.resume([]);
    feed.message(envelope(event));
    expect(sink.refusals).toHaveLength(1);
    expect(feed.streams.size).toBe(0);
  });
});

test('all agents come through one feed, each with a numbering of its own', () => {
  const { feed, sink } = feedOf('agent_status');
  feed.resume([stored(numbered(3, { key: 'a' })), stored(numbered(8, { key: 'b' }))]);
  feed.message(envelope(numbered(4, { key: 'a' })));
  feed.message(envelope(numbered(9, { key: 'b' })));
  feed.message(envelope(numbered(1, { key: 'new' })));
  feed.message(Buffer.from(JSON.stringify(agentStatus('a'))));
  expect(sink.deliveries).toEqual([delivery(4, { key: 'a' }), delivery(9, { key: 'b' }), delivery(1, { key: 'new' })]);
  expect(sink.raw).toHaveLength(1);
  expect(feed.topic).toBe('agent_status:*');
});

test('an agent whose state Redis opened meanwhile goes on from it without a hole', () => {
  const { feed, sink } = feedOf('agent_status');
  feed.resume([]);
  feed.pause();
  feed.resume([stored(numbered(0, { key: 'a' }), { frame: null })]);
  feed.message(envelope(numbered(1, { key: 'a' })));
  expect(sink.deliveries).toEqual([delivery(1, { key: 'a' })]);
});

test('streams that Redis has forgotten are forgotten here too', () => {
  const { feed } = feedOf('agent_status');
  feed.resume([]);
  const event = numbered(1, { key: 'quiet' });
  feed.message(envelope(event));
  feed.stream('quiet').pushed(event);
  feed.message(Buffer.from(JSON.stringify(agentStatus('unnumbered'))));
  expect([...feed.streams.keys()]).toEqual(['quiet', 'unnumbered']);
  feed.prune(61_000);
  expect([...feed.streams.keys()]).toEqual(['quiet']);
  feed.prune(DAY_MS + 1);
  expect([...feed.streams.keys()]).toEqual([]);
});

test('the final value of a backtest is remembered for seven days', () => {
  const { feed } = feedOf('backtest_progress');
  feed.resume([stored(numbered(5, { key: 'done', keep: true })), stored(numbered(5, { key: 'running' }))]);
  feed.prune(DAY_MS + 1);
  expect([...feed.streams.keys()]).toEqual(['done']);
  feed.prune(7 * DAY_MS + 1);
  expect([...feed.streams.keys()]).toEqual([]);
});
