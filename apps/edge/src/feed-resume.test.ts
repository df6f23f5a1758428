/** What comes while a feed is read goes out with what was read, in the order in which it was numbered. */
import { expect, test } from '@jest/globals';
import type { NumberedEvent } from '@tickcast/backplane';
import * as fc from 'fast-check';
import { EPOCH, NEXT_EPOCH, envelope, numbered, stored } from '../test/support/events.ts';
import { scheduleUnder } from '../test/support/parts.ts';
import { Feed, type FeedSink } from './feed.ts';

const KEYS = ['a', 'b'];
const RUNS = 500;
const SEED = 1;

/** A live feed of agents that finds nothing in Redis of what is missing, and what it has delivered. */
function agents() {
  const delivered: NumberedEvent[] = [];
  const sink: FeedSink = {
    deliver: (_feed, _stream, { event }) => delivered.push(event),
    deliverRaw: () => undefined,
    received: () => undefined,
    repeated: () => undefined,
    refused: () => undefined,
    heal: (feed) => feed.healed({ read: true, standsFrom: null }),
  };
  const pacing = { rate: 10, schedule: scheduleUnder(), clock: () => 0 };
  const feed = new Feed('name', { channel: 'agent_status', key: null }, pacing, sink);
  feed.pause();
  feed.resume([]);
  return { feed, delivered };
}

/** All that two agents published, in order: the second part of each in a new epoch. */
const published = fc
  .array(fc.record({ key: fc.constantFrom(...KEYS), isLost: fc.boolean() }), { maxLength: 12 })
  .chain((rows) => fc.record({ rows: fc.constant(rows), changeAt: fc.nat(12), readAt: fc.nat(12) }));

test('last values stand among the messages where they belong, and nothing is delivered twice', () => {
  const claim = ({
    rows,
    changeAt,
    readAt,
  }: {
    rows: Array<{ key: string; isLost: boolean }>;
    changeAt: number;
    readAt: number;
  }) => {
    const { feed, delivered } = agents();
    const seqs = new Map<string, number>();
    const events = rows.map(({ key, isLost }, index) => {
      const epoch = index < changeAt ? EPOCH : NEXT_EPOCH;
      const seq = (seqs.get(`${key} ${epoch}`) ?? 0) + 1;
      seqs.set(`${key} ${epoch}`, seq);
      return { event: numbered(seq, { key, epoch }), isLost };
    });
    feed.pause();
    for (const { event, isLost } of events) if (!isLost) feed.message(envelope(event));
    // Redis was read when the first of them had been published, wherever their messages were.
    const last = KEYS.map((key) => events.slice(0, readAt).findLast(({ event }) => event.key === key)?.event);
    const read = last.filter((event) => event !== undefined);
    feed.resume(read.map((event) => stored(event)));
    const expected = events.filter(({ event, isLost }) => !isLost || read.includes(event));
    for (const key of KEYS) {
      const numbersOf = (list: readonly NumberedEvent[]) =>
        list.filter((event) => event.key === key).map(({ epoch, seq }) => `${epoch} ${seq}`);
      expect(numbersOf(delivered)).toEqual(numbersOf(expected.map(({ event }) => event)));
    }
  };
  fc.assert(fc.property(published, claim), { numRuns: RUNS, seed: SEED });
});
