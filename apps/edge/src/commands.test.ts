/** What waits, of the messages of one client: for the key server, or for Redis. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { parseChannelsClaim } from '@tickcast/protocol';
import { MemoryFanout, MemorySocket, MemorySource, noTraffic } from '../test/support/parts.ts';
import { Budget } from './budget.ts';
import { Commands } from './commands.ts';
import { readConfig } from './config.ts';
import { Connection } from './connection.ts';
import { Hub } from './hub.ts';
import { createLog } from './log.ts';
import { Metrics } from './metrics.ts';
import type { Identity } from './tokens.ts';

const metrics = new Metrics();
const now = () => performance.now();

let source: MemorySource;
let hub: Hub;
let commands: Commands;
let socket: MemorySocket;
let connection: Connection;
/** Answers of the token check wait for it. */
let keyServer: Promise<void>;

function identity(channels?: string[]): Identity {
  const claim = parseChannelsClaim(channels);
  if (claim === null) throw new Error('malformed');
  return { sub: 'desk', claim, expiresAt: 2_000_000_000, endsAt: 2_000_000_000 };
}

beforeEach(() => {
  jest.useFakeTimers();
  source = new MemorySource();
  keyServer = Promise.resolve();
  hub = new Hub({
    source,
    fanout: new MemoryFanout(),
    takeTraffic: noTraffic,
    declareLoss: () => undefined,
    marketDataMaxRate: 10,
    now,
    metrics,
    log: createLog('silent', 'test'),
  });
  commands = new Commands({
    config: readConfig({ TICKCAST_AUTH_SECRET: 'a secret for tests of 32 bytes!!' }),
    checkToken: async (token) => {
      await keyServer;
      return identity(token === 'all' ? undefined : token.split(','));
    },
    metrics,
    now,
    onNewToken: () => undefined,
  });
  socket = new MemorySocket();
  connection = new Connection({ socket, lang: 'en', hub, metrics, now, maxBufferedBytes: 1_048_576 });
  connection.identity = identity();
  connection.budget = new Budget(100, 0, now());
  connection.phase = 'seated';
});
afterEach(() => {
  hub.stop();
  jest.useRealTimers();
});

const send = (message: object) => commands.handle(connection, Buffer.from(JSON.stringify(message)));
const settle = () => jest.advanceTimersByTimeAsync(0);

/** Holds back what waits for the promise it is given; call it to let go. */
function gate(use: (waiting: Promise<void>) => void): () => void {
  let open = () => {};
  use(
    new Promise((resolve) => {
      open = resolve;
    }),
  );
  return open;
}

describe('new tokens behind a key server that hangs', () => {
  test('up to 64 wait, the rest is answered rate_limited with its id, and those that waited are then handled in order', async () => {
    const release = gate((waiting) => (keyServer = waiting));
    const ids = Array.from({ length: 70 }, (_, index) => index);
    for (const id of ids) send({ type: 'auth', token: 'all', id });
    await settle();
    const refused = { type: 'error', error: 'rate_limited', retry_after_ms: expect.any(Number) };
    expect(socket.frames).toMatchObject(ids.slice(64).map((id) => ({ ...refused, id })));

    release();
    await settle();
    expect(socket.frames.slice(6)).toMatchObject(ids.slice(0, 64).map((id) => ({ type: 'authenticated', id })));
    send({ type: 'auth', token: 'all', id: 'later' });
    await settle();
    expect(socket.frames.at(-1)).toMatchObject({ type: 'authenticated', id: 'later' });
  });
});

describe('while a subscription is still opening', () => {
  const alerts = { channel: 'alerts' };

  test.each([
    ['a symbol', { channel: 'market_data', symbol: '0700.HK' }],
    ['alerts', alerts],
    ['all agents', { channel: 'agent_status' }],
    ['one agent', { channel: 'agent_status', params: { agent_id: 'a' } }],
  ])(
    'an unsubscribe from %s is answered after the subscribe it ends, which list no longer shows',
    async (_, stream) => {
      const release = gate((waiting) => (source.gate = waiting));
      send({ type: 'subscribe', ...stream, id: 1 });
      send({ type: 'unsubscribe', ...stream, id: 2 });
      send({ type: 'list', id: 3 });
      await settle();
      expect(socket.frames).toMatchObject([{ type: 'subscriptions', id: 3, subscriptions: [], count: 0 }]);
      release();
      await settle();
      expect(socket.frames.slice(1)).toMatchObject([
        { type: 'subscribed', id: 1, count: 0 },
        { type: 'unsubscribed', id: 2, count: 0 },
      ]);
    },
  );

  test('a new token that does not cover it ends it: the subscribe is answered forbidden, with its id', async () => {
    const release = gate((waiting) => (source.gate = waiting));
    send({ type: 'subscribe', ...alerts, id: 1 });
    send({ type: 'auth', token: 'market_data', id: 2 });
    await settle();
    expect(socket.frames.at(-1)).toMatchObject({ type: 'authenticated', id: 2 });
    release();
    await settle();
    const toSubscribe = socket.frames.filter((frame) => (frame as { id?: unknown }).id === 1);
    expect(toSubscribe).toMatchObject([{ type: 'error', error: 'forbidden' }]);
    expect([...socket.topics]).toEqual([]);
  });

  test('a new token that does not cover all of symbols ends the others: their results are forbidden', async () => {
    const release = gate((waiting) => (source.gate = waiting));
    send({ type: 'subscribe', channel: 'market_data', symbols: ['0001.HK', '0002.HK'], id: 1 });
    send({ type: 'auth', token: 'market_data:0002.HK', id: 2 });
    await settle();
    release();
    await settle();
    expect(socket.frames.at(-1)).toMatchObject({
      id: 1,
      results: [
        { symbol: '0001.HK', error: 'forbidden' },
        { key: '0002.HK', seq: 0 },
      ],
      count: 1,
    });
  });

  test('an unsubscribe from one of symbols is answered after them, though that one was there already', async () => {
    send({ type: 'subscribe', channel: 'market_data', symbol: '0001.HK' });
    await settle();
    connection.subscriptions.remove('market_data', '0001.HK');
    const release = gate((waiting) => (source.gate = waiting));
    send({ type: 'subscribe', channel: 'market_data', symbols: ['0001.HK', '0002.HK'], id: 1 });
    send({ type: 'unsubscribe', channel: 'market_data', symbol: '0001.HK', id: 2 });
    await settle();
    release();
    await settle();
    expect(socket.frames).toMatchObject([
      { type: 'subscribed', id: 1 },
      { type: 'unsubscribed', id: 2 },
    ]);
    expect([...socket.topics]).toEqual(['market_data:0002.HK']);
  });

  test.each([
    ['twice', []],
    [
      'again after an unsubscribe',
      [{ type: 'unsubscribe', channel: 'agent_status', params: { agent_id: 'a' }, id: 'off' }],
    ],
  ])(
    'of one asked for %s the later one counts, though Redis answered too late for the earlier one',
    async (_, between) => {
      const one = { type: 'subscribe', channel: 'agent_status', params: { agent_id: 'a' } };
      send({ type: 'subscribe', channel: 'agent_status', params: { agent_id: 'other' } });
      await settle();
      gate((waiting) => (source.gate = waiting));
      send({ ...one, id: 'early' });
      await jest.advanceTimersByTimeAsync(500);
      source.gate = new Promise((resolve) => setTimeout(resolve, 600));
      for (const message of between) send(message);
      send({ ...one, id: 'late' });
      await jest.advanceTimersByTimeAsync(1500);
      expect(socket.frames).toContainEqual(expect.objectContaining({ id: 'early', error: 'backplane_unavailable' }));
      expect(socket.frames.at(-1)).toMatchObject({ type: 'subscribed', id: 'late', count: 2 });
      expect([...socket.topics]).toContain('agent_status:a');
    },
  );
});
