import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { EPOCH, envelope, numbered, stored } from '../test/support/events.ts';
import { hubInMemory } from '../test/support/parts.ts';
import type { Feed } from './feed.ts';

const ALERTS = 'tickcast:{alerts}';
const LINGER_MS = 10_000;

let { source, fanout, losses, hub } = {} as ReturnType<typeof hubInMemory>;

beforeEach(() => {
  jest.useFakeTimers();
  ({ source, fanout, losses, hub } = hubInMemory());
});
afterEach(() => {
  hub.stop();
  jest.useRealTimers();
});

/** The outcome of `whenLive`, once there is one. */
function whenLive(feed: Feed, key: string | null = null): { ready: boolean | null } {
  const outcome: { ready: boolean | null } = { ready: null };
  hub.whenLive(feed, key, (ready) => {
    outcome.ready = ready;
  });
  return outcome;
}

const settle = () => jest.advanceTimersByTimeAsync(0);

async function liveAlerts(seq = 5): Promise<Feed> {
  source.states.set(ALERTS, [stored(numbered(seq))]);
  const feed = hub.use('alerts', null);
  whenLive(feed);
  await settle();
  return feed;
}

describe('opening a feed', () => {
  test('subscribes first and reads what Redis holds after that', async () => {
    source.gate = new Promise(() => undefined);
    whenLive(hub.use('alerts', null));
    await settle();
    expect(source.held).toEqual([ALERTS]);
    expect(source.opens).toBe(1);
  });

  test('is done once for all who wait for it', async () => {
    const feeds = [hub.use('alerts', null), hub.use('alerts', null)];
    const outcomes = feeds.map((feed) => whenLive(feed));
    await settle();
    expect(outcomes).toEqual([{ ready: true }, { ready: true }]);
    expect(source.held).toEqual([ALERTS]);
    expect(source.opens).toBe(1);
    expect(hub.feedCount).toBe(1);
  });

  test('fails at once while Redis is away, and succeeds when it is asked again later', async () => {
    source.away = true;
    const feed = hub.use('alerts', null);
    const outcome = whenLive(feed);
    await settle();
    expect(outcome.ready).toBe(false);
    source.away = false;
    const second = whenLive(feed);
    await settle();
    expect(second.ready).toBe(true);
  });

  test('fails within 1 s when Redis does not answer', async () => {
    source.gate = new Promise(() => undefined);
    const outcome = whenLive(hub.use('alerts', null));
    await jest.advanceTimersByTimeAsync(1000);
    expect(outcome.ready).toBe(false);
  });

  test('keeps one hold however often it is tried', async () => {
    source.gate = new Promise(() => undefined);
    const feed = hub.use('alerts', null);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      whenLive(feed);
      await jest.advanceTimersByTimeAsync(1000);
    }
    expect(source.held).toEqual([ALERTS]);
  });
});

describe('a feed nobody uses any more', () => {
  test('is kept for those who come right back', async () => {
    const feed = await liveAlerts();
    for (let flap = 0; flap < 10; flap += 1) {
      hub.leave(feed);
      await jest.advanceTimersByTimeAsync(LINGER_MS - 100);
      expect(hub.use('alerts', null)).toBe(feed);
    }
    await jest.advanceTimersByTimeAsync(10 * LINGER_MS);
    expect(source.held).toEqual([ALERTS]);
    expect(source.opens).toBe(1);
  });

  test('is released after a while', async () => {
    hub.leave(await liveAlerts());
    await jest.advanceTimersByTimeAsync(LINGER_MS);
    expect(source.held).toEqual([]);
    expect(hub.feedCount).toBe(0);
  });

  test('is not released while somebody still uses it', async () => {
    const feed = await liveAlerts();
    hub.use('alerts', null);
    hub.leave(feed);
    await jest.advanceTimersByTimeAsync(2 * LINGER_MS);
    expect(source.held).toEqual([ALERTS]);
  });

  test('is released too when it could never be opened', async () => {
    source.gate = new Promise(() => undefined);
    const feed = hub.use('alerts', null);
    whenLive(feed);
    await jest.advanceTimersByTimeAsync(1000);
    hub.leave(feed);
    await jest.advanceTimersByTimeAsync(LINGER_MS);
    expect(source.held).toEqual([]);
  });
});

describe('fan-out', () => {
  test('an event goes to the topic of its stream', async () => {
    await liveAlerts();
    hub.message(ALERTS, envelope(numbered(6)));
    const frame = { seq: 6, published_at: 1701234568.000001, n: 6 };
    expect(fanout.published).toMatchObject([{ topic: 'alerts', frame }]);
  });

  test("an agent's event goes to its own topic and to that of all agents", async () => {
    whenLive(hub.use('agent_status', 'a'));
    await settle();
    hub.message('tickcast:{agent_status}', envelope(numbered(1, { key: 'a' })));
    expect(fanout.published.map(({ topic }) => topic)).toEqual(['agent_status:a', 'agent_status:*']);
  });

  test('a hole holds nothing up for long while messages come and nothing can be read', async () => {
    await liveAlerts();
    source.away = true;
    hub.message(ALERTS, envelope(numbered(8)));
    await jest.advanceTimersByTimeAsync(5000);
    expect(losses).toEqual([{ topic: 'alerts', seq: 8, holes: [{ epoch: EPOCH, from: 6, to: 7, recoverable: true }] }]);
  });

  test('a hole waits for Redis while no messages come either', async () => {
    await liveAlerts();
    source.away = true;
    source.deaf = true;
    hub.message(ALERTS, envelope(numbered(8)));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(losses).toEqual([]);
    source.away = false;
    source.log = [5, 6, 7, 8].map((seq) => numbered(seq));
    await jest.advanceTimersByTimeAsync(1000);
    expect(losses).toEqual([]);
    expect(fanout.published.map(({ frame }) => frame)).toMatchObject([{ seq: 6 }, { seq: 7 }, { seq: 8 }]);
  });

  test('an event after a hole is not published but declared, client by client', async () => {
    await liveAlerts();
    hub.message(ALERTS, envelope(numbered(8)));
    await settle();
    expect(fanout.published).toEqual([]);
    expect(losses).toEqual([{ topic: 'alerts', seq: 8, holes: [{ epoch: EPOCH, from: 6, to: 7 }] }]);
  });

  test('a message nobody asked for is ignored', () => {
    hub.message('tickcast:{alerts}', envelope(numbered(1)));
    expect(fanout.published).toEqual([]);
  });
});

describe('after an outage of Redis', () => {
  test('what it holds and this node never saw is delivered', async () => {
    await liveAlerts();
    source.states.set(ALERTS, [stored(numbered(6))]);
    hub.resync();
    await settle();
    expect(fanout.published).toHaveLength(1);
  });

  test('a read that fails is tried again until it succeeds', async () => {
    await liveAlerts();
    source.away = true;
    hub.resync();
    await jest.advanceTimersByTimeAsync(3500);
    source.states.set(ALERTS, [stored(numbered(6))]);
    source.away = false;
    await jest.advanceTimersByTimeAsync(1000);
    expect(fanout.published).toHaveLength(1);
    const { opens } = source;
    await jest.advanceTimersByTimeAsync(10_000);
    expect(source.opens).toBe(opens);
  });

  test('events that come while it is read are delivered after what it holds, each once', async () => {
    await liveAlerts();
    let open = () => {};
    source.gate = new Promise((resolve) => {
      open = resolve;
    });
    source.states.set(ALERTS, [stored(numbered(6))]);
    hub.resync();
    hub.message(ALERTS, envelope(numbered(6)));
    hub.message(ALERTS, envelope(numbered(7)));
    open();
    await settle();
    expect(fanout.published.map(({ frame }) => frame)).toMatchObject([{ seq: 6 }, { seq: 7 }]);
    expect(losses).toEqual([]);
  });
});
