/** What a seated client may ask for, and how it is answered. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Frame, type TestClient, eventually } from '@tickcast/testing';
import { agentStatus, alert, backtestProgress, marketData } from './support/frames.ts';
import { type SingleEdge, startSingleEdge } from './support/single-edge.ts';

let world: SingleEdge;

beforeAll(async () => {
  world = await startSingleEdge();
});

const subscribe = (symbol: string) => ({ type: 'subscribe', channel: 'market_data', symbol });
const symbolOf = (index: number) => `C${String(index).padStart(2, '0')}.TEST`;
const listOf = (client: TestClient): Promise<Frame> => client.request({ type: 'list' });

/** Everything that comes before the answer to a `ping` sent now. */
async function untilPong(client: TestClient): Promise<Frame[]> {
  const start = client.frames.length;
  client.send({ type: 'ping' });
  await eventually(() => client.frames.slice(start).some(({ frame }) => frame.type === 'pong'));
  return client.frames.slice(start).map(({ frame }) => frame);
}

describe('a message with an id', () => {
  test('gets exactly one reply with that id, whatever it is', async () => {
    const client = await world.connect();
    const messages: Array<[object, string]> = [
      [{ ...subscribe('0001.HK') }, 'subscribed'],
      [{ ...subscribe('0001.HK') }, 'subscribed'],
      [{ type: 'subscribe', channel: 'market_data', symbols: ['0001.HK', '0002.HK', '?'] }, 'subscribed'],
      [{ type: 'subscribe', channel: 'agent_status', symbol: null, params: { unknown: [1] } }, 'subscribed'],
      [{ type: 'subscribe', channel: 'backtest_progress', params: { backtest_id: 'bt_1' } }, 'subscribed'],
      [{ type: 'subscribe', channel: 'alerts', params: null }, 'subscribed'],
      [{ type: 'subscribe', channel: 'market_data' }, 'error'],
      [{ type: 'subscribe', channel: 'orders' }, 'error'],
      [{ type: 'unsubscribe', channel: 'alerts' }, 'unsubscribed'],
      [{ type: 'unsubscribe', channel: 'alerts' }, 'unsubscribed'],
      [{ type: 'unsubscribe', channel: 'market_data' }, 'error'],
      [{ type: 'ping', timestamp: 1701234567.89 }, 'pong'],
      [{ type: 'ping', timestamp: 'now' }, 'error'],
      [{ type: 'hello' }, 'welcome'],
      [{ type: 'auth', token: 'bad' }, 'error'],
      [{ type: 'list' }, 'subscriptions'],
      [{ type: 'unknown_type' }, 'error'],
      [{}, 'error'],
    ];
    for (const [id, [message]] of messages.entries()) client.send({ ...message, id });
    await eventually(() => messages.every((_, id) => client.received((frame) => frame['id'] === id).length > 0));
    await untilPong(client);
    const types = messages.map((_, id) => client.received((frame) => frame['id'] === id).map(({ type }) => type));
    expect(types).toEqual(messages.map(([, type]) => [type]));
    expect(client.frames.length).toBe(messages.length + 1);
  });

  test('gets it back as it was: a string of 64 characters, of any script, an integer of any sign', async () => {
    const client = await world.connect();
    const ids = [
      '',
      ' ',
      'x'.repeat(64),
      '席'.repeat(64),
      '😀'.repeat(64),
      '"\\\u0000\ud800',
      0,
      -1,
      Number.MAX_SAFE_INTEGER,
    ];
    for (const id of ids) client.send({ type: 'ping', id });
    await eventually(() => client.frames.length === ids.length);
    expect(client.frames.map(({ frame }) => frame['id'])).toEqual(ids);
  });
});

describe('without an id', () => {
  test('ping and hello are answered and nothing else is', async () => {
    const client = await world.connect();
    client.send(subscribe('0003.HK'));
    client.send({ type: 'subscribe', channel: 'market_data', symbols: ['0003.HK', '0004.HK'] });
    client.send({ type: 'subscribe', channel: 'alerts', symbol: null });
    client.send({ type: 'unsubscribe', channel: 'alerts', symbol: null });
    client.send({ type: 'list' });
    client.send({ type: 'hello' });
    client.send({ type: 'ping', timestamp: 1701234567.89 });
    expect(await client.next('pong')).toEqual({
      type: 'pong',
      timestamp: 1701234567.89,
      server_time: expect.any(Number),
    });
    expect((await listOf(client))['count']).toBe(2);
    expect(client.frames.map(({ frame }) => frame.type)).toEqual(['welcome', 'pong', 'subscriptions']);
  });

  test('pong has a timestamp only if the ping had one, and the time of the server in seconds', async () => {
    const client = await world.connect();
    const before = Date.now() / 1000;
    const [pong] = await untilPong(client);
    expect(Object.keys(pong ?? {})).toEqual(['type', 'server_time']);
    expect(Number(pong?.['server_time'])).toBeGreaterThanOrEqual(before);
    expect(Number(pong?.['server_time'])).toBeLessThanOrEqual(Date.now() / 1000);
  });
});

test('welcome tells the seat, the node, the limits and the end of the token', async () => {
  const client = await world.connect({ ttlSeconds: 600 });
  const welcome = await client.request({ type: 'hello' });
  expect(welcome).toMatchObject({
    seat: expect.stringMatching(/^[A-Za-z0-9_-]{20,}$/),
    node: expect.any(String),
    limits: {
      connections: 1000,
      subscriptions: 50,
      messages_per_second: 100,
      message_bytes: 16_384,
      idle_seconds: 30,
      market_data_per_second: 10,
    },
  });
  expect(Number(welcome['expires_at']) - Date.now() / 1000).toBeGreaterThan(590);
});

describe('subscriptions', () => {
  test('50 are allowed and the 51st is refused, until one is given up', async () => {
    const client = await world.connect();
    for (let index = 1; index <= 50; index++) client.send(subscribe(symbolOf(index)));
    expect(await client.request(subscribe(symbolOf(51)))).toMatchObject({
      type: 'error',
      error: 'subscription_limit_exceeded',
    });
    expect(await client.request({ type: 'subscribe', channel: 'alerts' })).toMatchObject({ type: 'error' });
    expect(await client.request(subscribe(symbolOf(50)))).toMatchObject({ type: 'subscribed', count: 50 });
    const given = await client.request({ type: 'unsubscribe', channel: 'market_data', symbol: symbolOf(1) });
    expect(given).toMatchObject({ type: 'unsubscribed', channel: 'market_data', key: symbolOf(1), count: 49 });
    expect(await client.request(subscribe(symbolOf(51)))).toMatchObject({ type: 'subscribed', count: 50 });
  });

  test('duplicates and aliases are one subscription', async () => {
    const client = await world.connect();
    for (const symbol of ['700.HK', '0700.hk', 'HK.00700', 'hk.700', '00700.HK', '0700.HK']) {
      expect(await client.request(subscribe(symbol))).toMatchObject({ type: 'subscribed', key: '0700.HK', count: 1 });
    }
    for (const agent of ['Scout', 'Scout', 'scout']) {
      await client.request({ type: 'subscribe', channel: 'agent_status', params: { agent_id: agent } });
    }
    expect(await listOf(client)).toMatchObject({
      subscriptions: [
        { channel: 'market_data', key: '0700.HK' },
        { channel: 'agent_status', key: 'Scout' },
        { channel: 'agent_status', key: 'scout' },
      ],
      count: 3,
    });
    const given = await client.request({ type: 'unsubscribe', channel: 'market_data', symbol: 'HK.00700' });
    expect(given).toMatchObject({ key: '0700.HK', count: 2 });
  });

  test('symbols are answered each for itself, in their order, and those over the limit are refused', async () => {
    const client = await world.connect();
    const symbols = [...Array.from({ length: 49 }, (_, index) => symbolOf(index)), 'c00.test', '!', 'A.TEST', 'B.TEST'];
    const reply = await client.request({ type: 'subscribe', channel: 'market_data', symbols });
    const results = reply['results'] as Array<Record<string, unknown>>;
    expect(results.map(({ symbol }) => symbol)).toEqual(symbols);
    expect(results.map(({ key, error }) => error ?? key).slice(49)).toEqual([
      symbolOf(0),
      'invalid_parameters',
      'A.TEST',
      'subscription_limit_exceeded',
    ]);
    expect(reply['count']).toBe(50);
    for (const { error, detail } of results) expect(typeof detail).toBe(error === undefined ? 'undefined' : 'string');
  });

  test('of symbols without an id, the bad ones are told by errors', async () => {
    const client = await world.connect();
    client.send({ type: 'subscribe', channel: 'market_data', symbols: ['0005.HK', 'no symbol'] });
    expect(await client.next('error')).toMatchObject({ error: 'invalid_parameters' });
    expect((await listOf(client))['count']).toBe(1);
  });
});

describe('the opt-in rule', () => {
  test('a client that uses only what the seed shows gets nothing the seed does not show', async () => {
    await world.publish('{agent_status}:coordinator', agentStatus('coordinator'));
    await world.publish('{backtest_progress}:bt_9', backtestProgress('bt_9'));
    const client = await world.connect();
    const other = await world.connect();
    for (const channel of ['agent_status', 'backtest_progress', 'alerts', 'nonsense']) {
      client.send({ type: 'subscribe', channel, symbol: null, params: {} });
      await other.request({ type: 'subscribe', channel });
    }
    client.send(subscribe('0006.HK'));
    await other.request(subscribe('0006.HK'));
    client.send({ type: 'unsubscribe', channel: 'market_data', symbol: '0007.HK' });
    await untilPong(client);
    await world.publish('{market_data:0006.HK}', marketData('0006.HK'));
    await client.next('market_data');
    await world.publish('{alerts}', alert('now'));
    await client.next('alerts');
    const types = new Set(client.frames.map(({ frame }) => frame.type));
    const seed = ['agent_status', 'alerts', 'backtest_progress', 'error', 'market_data', 'pong'];
    expect([...types].toSorted()).toEqual(seed);
  });
});

test('with lang=en every error is English', async () => {
  const client = await world.connect({ channels: ['alerts'] }, { query: { lang: 'en' } });
  const messages = [
    'x',
    {},
    { type: 'unknown_type' },
    { type: 'subscribe' },
    { type: 'subscribe', channel: 'orders' },
    { type: 'subscribe', channel: 'market_data' },
    subscribe('0700.HK'),
    { type: 'auth', token: 'bad' },
  ];
  for (const message of messages) client.send(message);
  await eventually(() => client.frames.length === messages.length);
  for (const { frame } of client.frames) expect(frame['detail']).toMatch(/^[ -~]+$/);
});
