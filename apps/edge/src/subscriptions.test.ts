import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Channel, parseChannelsClaim } from '@tickcast/protocol';
import { envelope, numbered, stored } from '../test/support/events.ts';
import { MemoryFanout, MemorySocket, MemorySource, noTraffic } from '../test/support/parts.ts';
import { Connection } from './connection.ts';
import { Hub } from './hub.ts';
import { createLog } from './log.ts';
import { Metrics } from './metrics.ts';
import type { Outcome } from './subscriptions.ts';

const LINGER_MS = 10_000;

const AGENTS = 'tickcast:{agent_status}';
const metrics = new Metrics();

let source: MemorySource;
let fanout: MemoryFanout;
let hub: Hub;

beforeEach(() => {
  jest.useFakeTimers();
  source = new MemorySource();
  fanout = new MemoryFanout();
  const declareLoss = () => undefined;
  const now = () => performance.now();
  hub = new Hub({
    source,
    fanout,
    takeTraffic: noTraffic,
    declareLoss,
    marketDataMaxRate: 10,
    now,
    metrics,
    log: createLog('silent', 'test'),
  });
});
afterEach(() => {
  hub.stop();
  jest.useRealTimers();
});

/** A client with a seat, allowed what its claim says. */
class Client {
  readonly socket = new MemorySocket();
  readonly connection: Connection;
  readonly outcomes: Array<Outcome['state']> = [];

  constructor(channels?: string[]) {
    fanout.sockets.push(this.socket);
    this.connection = new Connection({
      socket: this.socket,
      lang: 'en',
      hub,
      metrics,
      now: () => performance.now(),
      maxBufferedBytes: 1_048_576,
    });
    this.connection.phase = 'seated';
    this.claim(channels);
  }

  get subscriptions() {
    return this.connection.subscriptions;
  }

  get topics(): string[] {
    return [...this.socket.topics].toSorted();
  }

  claim(channels: string[] | undefined) {
    const claim = parseChannelsClaim(channels);
    if (claim === null) throw new Error('malformed');
    this.connection.identity = { sub: 'desk', claim, expiresAt: 2_000_000_000, endsAt: 2_000_000_000 };
    return claim;
  }

  add(channel: Channel, ...keys: Array<string | null>): void {
    this.subscriptions.add(channel, keys, (outcomes) => this.outcomes.push(...outcomes.map(({ state }) => state)));
  }

  async subscribe(channel: Channel, ...keys: Array<string | null>): Promise<void> {
    this.add(channel, ...keys);
    await settle();
  }

  /** As the edge does it when a socket is gone. */
  end(): void {
    this.connection.phase = 'ended';
    this.subscriptions.clear();
  }
}

const settle = () => jest.advanceTimersByTimeAsync(0);

describe('overlapping subscriptions deliver an event once', () => {
  test.each([
    ['one, then all', ['a', null]],
    ['all, then one', [null, 'a']],
  ])('%s', async (_, keys) => {
    const client = new Client();
    for (const key of keys) await client.subscribe('agent_status', key);
    expect(client.subscriptions.size).toBe(2);
    expect(client.topics).toEqual(['agent_status:*']);
    hub.message(AGENTS, envelope(numbered(1, { key: 'a' })));
    expect(client.socket.sent).toHaveLength(1);
  });

  test('when all is given up the one remains, and the other way round', async () => {
    const client = new Client();
    await client.subscribe('agent_status', 'a');
    await client.subscribe('agent_status', null);
    client.subscriptions.remove('agent_status', null);
    expect(client.topics).toEqual(['agent_status:a']);
    await client.subscribe('agent_status', null);
    client.subscriptions.remove('agent_status', 'a');
    expect(client.topics).toEqual(['agent_status:*']);
  });

  test('agents and backtests do not touch each other', async () => {
    const client = new Client();
    await client.subscribe('agent_status', null);
    await client.subscribe('backtest_progress', 'bt_1');
    client.subscriptions.remove('agent_status', null);
    expect(client.topics).toEqual(['backtest_progress:bt_1']);
  });

  test('subscribing twice is one subscription, undone at once', async () => {
    const client = new Client();
    await client.subscribe('market_data', '0700.HK');
    await client.subscribe('market_data', '0700.HK');
    expect(client.subscriptions.size).toBe(1);
    client.subscriptions.remove('market_data', '0700.HK');
    expect(client.topics).toEqual([]);
  });
});

describe('a claim for some keys', () => {
  const SOME = ['agent_status:a', 'agent_status:b'];

  test('makes a subscription without a key one to those, present or not', async () => {
    const client = new Client(SOME);
    await client.subscribe('agent_status', null);
    expect(client.topics).toEqual(['agent_status:a', 'agent_status:b']);
    for (const key of ['a', 'c']) hub.message(AGENTS, envelope(numbered(1, { key })));
    expect(client.socket.frames).toMatchObject([{ n: 1 }]);
  });

  test('has only their last values sent', async () => {
    source.states.set(AGENTS, [stored(numbered(4, { key: 'a' })), stored(numbered(9, { key: 'c' }))]);
    const client = new Client(SOME);
    await client.subscribe('agent_status', null);
    for (const subscription of client.subscriptions.list()) client.subscriptions.sendSnapshots(subscription);
    expect(client.socket.frames).toMatchObject([{ seq: 4, snapshot: true }]);
  });

  test('ends what it no longer covers and narrows the rest', async () => {
    const client = new Client();
    await client.subscribe('agent_status', null);
    await client.subscribe('agent_status', 'c');
    await client.subscribe('alerts', null);
    const ended = client.subscriptions.enforce(client.claim(SOME));
    expect(ended.map(({ channel, key }) => [channel, key])).toEqual([
      ['agent_status', 'c'],
      ['alerts', null],
    ]);
    expect(client.topics).toEqual(['agent_status:a', 'agent_status:b']);
  });

  test('counts the pushes of other keys as no activity of this client', async () => {
    const client = new Client(SOME);
    await client.subscribe('agent_status', null);
    hub.message(AGENTS, envelope(numbered(1, { key: 'c' })));
    expect(client.subscriptions.lastPushAt()).toBe(Number.NEGATIVE_INFINITY);
    hub.message(AGENTS, envelope(numbered(1, { key: 'a' })));
    expect(client.subscriptions.lastPushAt()).toBe(performance.now());
  });
});

describe('a subscription that has to wait for Redis', () => {
  test('receives nothing before it is settled', async () => {
    const client = new Client();
    client.add('alerts', null);
    expect(client.topics).toEqual([]);
    await settle();
    expect(client.outcomes).toEqual(['live']);
    expect(client.topics).toEqual(['alerts']);
  });

  test('receives nothing either when another one is undone meanwhile', async () => {
    const client = new Client();
    client.add('agent_status', 'a');
    client.add('agent_status', null);
    client.subscriptions.remove('agent_status', 'a');
    expect(client.topics).toEqual([]);
    await settle();
    // The one agent's numbering is asked for after all agents' is known.
    expect(client.outcomes).toEqual(['live', 'gone']);
    expect(client.topics).toEqual(['agent_status:*']);
  });

  test('settles once for several keys', async () => {
    const client = new Client();
    await client.subscribe('market_data', '0700.HK', '9988.HK');
    expect(client.outcomes).toEqual(['live', 'live']);
  });

  test('is gone when it was undone meanwhile', async () => {
    const client = new Client();
    client.add('market_data', '0700.HK');
    client.subscriptions.remove('market_data', '0700.HK');
    await settle();
    expect(client.outcomes).toEqual(['gone']);
    expect(client.topics).toEqual([]);
  });

  test('undone and made again is live, with one user of the feed', async () => {
    const client = new Client();
    client.add('alerts', null);
    client.subscriptions.remove('alerts', null);
    client.add('alerts', null);
    await settle();
    expect(client.topics).toEqual(['alerts']);
    client.end();
    await jest.advanceTimersByTimeAsync(LINGER_MS);
    expect(source.held).toEqual([]);
  });

  test('is not kept while Redis is away', async () => {
    source.away = true;
    const client = new Client();
    await client.subscribe('alerts', null);
    expect(client.outcomes).toEqual(['unavailable']);
    expect(client.subscriptions.size).toBe(0);
  });

  test('is unavailable to each of two requests that asked for it while Redis is away', async () => {
    source.away = true;
    const client = new Client();
    client.add('alerts', null);
    client.add('alerts', null);
    await settle();
    expect(client.outcomes).toEqual(['unavailable', 'unavailable']);
    expect(client.subscriptions.size).toBe(0);
  });

  test('is told of no loss: it receives nothing yet', async () => {
    source.gate = new Promise(() => undefined);
    const client = new Client();
    await client.subscribe('alerts', null);
    const [subscription] = client.subscriptions.list();
    const stream = subscription?.feed.stream(null);
    expect(stream && client.subscriptions.receives(stream)).toBe(false);
  });
});

describe('an ended connection', () => {
  test('gives its feeds back', async () => {
    const client = new Client();
    await client.subscribe('alerts', null);
    await client.subscribe('market_data', '0700.HK');
    client.end();
    await jest.advanceTimersByTimeAsync(LINGER_MS);
    expect(source.held).toEqual([]);
    expect(hub.feedCount).toBe(0);
  });

  test('hears nothing of a subscription that settles later, and leaves no user behind', async () => {
    const client = new Client();
    client.add('alerts', null);
    client.end();
    await jest.advanceTimersByTimeAsync(LINGER_MS);
    expect(client.outcomes).toEqual([]);
    expect(client.topics).toEqual([]);
    expect(hub.feedCount).toBe(0);
  });

  test('takes nothing away from others', async () => {
    const [one, other] = [new Client(), new Client()];
    await one.subscribe('alerts', null);
    await other.subscribe('alerts', null);
    one.end();
    await jest.advanceTimersByTimeAsync(10_000);
    hub.message('tickcast:{alerts}', envelope(numbered(1)));
    expect(other.socket.sent).toHaveLength(1);
  });
});

test('a snapshot is the last event this node delivered, and never sent for alerts', async () => {
  source.states.set('tickcast:{alerts}', [stored(numbered(4))]);
  source.states.set('tickcast:{market_data:0700.HK}', [stored(numbered(7, { key: '0700.HK' }))]);
  const client = new Client();
  await client.subscribe('alerts', null);
  await client.subscribe('market_data', '0700.HK');
  for (const subscription of client.subscriptions.list()) client.subscriptions.sendSnapshots(subscription);
  expect(client.socket.frames).toMatchObject([{ seq: 7, snapshot: true }]);
});
