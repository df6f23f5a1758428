/** A feed that is dropped, and the one that takes its place for a client that comes back at just that moment. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { envelope, numbered, stored } from '../test/support/events.ts';
import { hubInMemory } from '../test/support/parts.ts';
import type { Feed } from './feed.ts';

const SYMBOL = '0700.HK';
const NAME = `tickcast:{market_data:${SYMBOL}}`;
const LINGER_MS = 10_000;
const EVERY_MS = 20;

let { source, fanout, losses, hub } = {} as ReturnType<typeof hubInMemory>;
let seq: number;

beforeEach(() => {
  jest.useFakeTimers();
  ({ source, fanout, losses, hub } = hubInMemory());
  seq = 0;
});
afterEach(() => {
  hub.stop();
  jest.useRealTimers();
});

async function subscribe(): Promise<Feed> {
  const feed = hub.use('market_data', SYMBOL);
  const ready = new Promise((resolve) => hub.whenLive(feed, SYMBOL, resolve));
  await jest.advanceTimersByTimeAsync(0);
  expect(await ready).toBe(true);
  return feed;
}

/** The Function's part: Redis holds the event, and whoever holds the Pub/Sub channel gets it. */
function publish(): void {
  seq += 1;
  const event = numbered(seq, { key: SYMBOL });
  source.states.set(NAME, [stored(event)]);
  if (source.held.includes(NAME)) hub.message(NAME, envelope(event));
}

async function publishFor(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += EVERY_MS) {
    publish();
    await jest.advanceTimersByTimeAsync(EVERY_MS);
  }
}

const pushedSeqs = () => fanout.published.map(({ frame }) => (frame as { seq: number }).seq);
const snapshotSeq = (feed: Feed) => feed.stream(SYMBOL).delivered?.seq ?? 0;

test.each([0, 20, 40, 60, 80])(
  'whoever comes back to a busy symbol as its feed is dropped gets nothing older than the snapshot (%d ms into the pace)',
  async (offsetMs) => {
    publish();
    const first = await subscribe();
    await publishFor(1000 + offsetMs);
    hub.leave(first);
    await publishFor(LINGER_MS);
    expect(hub.feedCount).toBe(0);

    const second = await subscribe();
    expect(second).not.toBe(first);
    const snapshot = snapshotSeq(second);
    expect(snapshot).toBe(seq);
    const before = fanout.published.length;
    await publishFor(1000);
    const seqs = pushedSeqs().slice(before);
    expect(seqs.length).toBeGreaterThan(5);
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
    expect(seqs[0]).toBeGreaterThan(snapshot);
    expect(losses).toEqual([]);
  },
);

test('what a dropped feed was still reading is not pushed after its successor has begun', async () => {
  publish();
  const first = await subscribe();
  let answer = () => {};
  source.gate = new Promise((resolve) => {
    answer = resolve;
  });
  // Redis was away for a moment, and is slow to answer since.
  publish();
  hub.resync();
  publish();
  hub.leave(first);
  await jest.advanceTimersByTimeAsync(LINGER_MS);
  source.gate = Promise.resolve();
  publish();
  const snapshot = snapshotSeq(await subscribe());
  expect(snapshot).toBe(seq);
  const before = fanout.published.length;
  answer();
  await jest.advanceTimersByTimeAsync(2000);
  expect(pushedSeqs().slice(before)).toEqual([]);
});
