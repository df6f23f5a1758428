import { describe, expect, test } from '@jest/globals';
import { EPOCH, NEXT_EPOCH, numbered } from '../test/support/events.ts';
import { Stream } from './stream.ts';

const CONFLATABLE = ['market_data'] as const;
const LOSSLESS = ['agent_status', 'backtest_progress', 'alerts'] as const;

function streamAt(channel: (typeof CONFLATABLE)[number] | (typeof LOSSLESS)[number], seq: number): Stream {
  const stream = new Stream({ channel, key: channel === 'alerts' ? null : 'a' }, 0);
  stream.startFrom({ epoch: EPOCH, seq }, null);
  return stream;
}

test('the next event is accepted as it is', () => {
  const event = numbered(8);
  expect(streamAt('alerts', 7).accept(event)).toEqual({ event, conflated: 0, holes: [] });
});

test('an event that was seen already is not accepted again', () => {
  const stream = streamAt('alerts', 7);
  expect(stream.accept(numbered(7))).toBeNull();
  expect(stream.accept(numbered(3))).toBeNull();
  stream.accept(numbered(8));
  expect(stream.accept(numbered(8))).toBeNull();
});

test('a missed event that comes late is not accepted: it was declared already', () => {
  const stream = streamAt('alerts', 7);
  stream.accept(numbered(9));
  expect(stream.accept(numbered(8))).toBeNull();
});

describe('a hole within an epoch', () => {
  test.each(CONFLATABLE)('counts as conflated in %s, whose newest event says all', (channel) => {
    expect(streamAt(channel, 7).accept(numbered(11))).toMatchObject({ conflated: 3, holes: [] });
  });

  test.each(LOSSLESS)('is a loss in %s', (channel) => {
    const holes = [{ epoch: EPOCH, from: 8, to: 10 }];
    expect(streamAt(channel, 7).accept(numbered(11))).toMatchObject({ conflated: 0, holes });
  });

  test.each([
    { what: 'counts as conflated', standsFrom: 7, delivery: { conflated: 3, holes: [] } },
    { what: 'is a loss', standsFrom: 8, delivery: { conflated: 0, holes: [{ epoch: EPOCH, from: 8, to: 10 }] } },
  ])(
    'of a backtest of whose last value Redis knows that it stands from $standsFrom $what',
    ({ standsFrom, delivery }) => {
      const stream = streamAt('backtest_progress', 7);
      expect(stream.accept(numbered(11), standsFrom)).toMatchObject(delivery);
      // A client that comes with `since` before it must not be told less.
      expect(stream.standsFrom).toBe(Math.max(7, standsFrom));
    },
  );
});

describe('a new epoch', () => {
  test.each([...CONFLATABLE, ...LOSSLESS])('leaves a hole without a known end in %s', (channel) => {
    const holes = [{ epoch: EPOCH, from: 8, to: null }];
    const delivery = streamAt(channel, 7).accept(numbered(1, { epoch: NEXT_EPOCH }));
    expect(delivery).toMatchObject({ conflated: 0, holes });
  });

  test('has a hole of its own when its first events are missing', () => {
    expect(streamAt('alerts', 7).accept(numbered(4, { epoch: NEXT_EPOCH }))?.holes).toEqual([
      { epoch: EPOCH, from: 8, to: null },
      { epoch: NEXT_EPOCH, from: 1, to: 3 },
    ]);
  });

  test('declares nothing of an epoch that ended because it was never used', () => {
    const later = '1701234627000000-00000a';
    expect(streamAt('alerts', 0).accept(numbered(1, { epoch: later }))?.holes).toEqual([]);
  });

  test.each([
    ['another run of Redis', '1701234627000000-00000b'],
    ['the same run, before an unused one would have ended', '1701234626000000-00000a'],
  ])('in %s declares the end of one of which nothing was seen: it may have had events', (_, epoch) => {
    expect(streamAt('alerts', 0).accept(numbered(1, { epoch }))?.holes).toEqual([{ epoch: EPOCH, from: 1, to: null }]);
  });

  test('is where the numbering goes on', () => {
    const stream = streamAt('alerts', 7);
    stream.accept(numbered(1, { epoch: NEXT_EPOCH }));
    expect(stream.accept(numbered(2, { epoch: NEXT_EPOCH }))).toMatchObject({ conflated: 0, holes: [] });
  });
});
