/** What the seed's class is subscribed to: kept over ends, each event once, and as it was asked for. */
import { afterAll, expect, jest, test } from '@jest/globals';
import { WebSocket, eventually, mintToken } from '@tickcast/testing';
import { QuantWebSocket } from '../src/mod.ts';
import { heard, startQuantWorld } from './quant-world.ts';
import { QUICK, type World } from './world.ts';

const { world: started, connected, keep, stop } = startQuantWorld();
const world = (): Promise<World> => started;

jest.spyOn(console, 'log').mockImplementation(() => undefined);
jest.spyOn(console, 'error').mockImplementation(() => undefined);

afterAll(stop);

/** What the server has of it, in its order. */
async function subscriptions(ws: QuantWebSocket): Promise<string[]> {
  const lists = heard(ws, 'subscriptions');
  ws.send({ type: 'list', id: 1 });
  await eventually(() => lists.length > 0);
  const { subscriptions: held } = lists[0] as { subscriptions: Array<{ channel: string; key: string | null }> };
  return held.map(({ channel, key }) => `${channel} ${key}`).sort();
}

/** What agents of a test said. */
function statusesOf(ws: QuantWebSocket, name: string): string[] {
  const statuses: string[] = [];
  ws.on('agent_status', ({ status }) => {
    if (status.startsWith(name)) statuses.push(status);
  });
  return statuses;
}

/** The same, of agents whose statuses share a first word; the callback is held up at one of them until it may go on. */
function heldUpAt(ws: QuantWebSocket, first: string): { statuses: string[]; finish(): void } {
  const [name = ''] = first.split(' ');
  const statuses: string[] = [];
  let goOn: () => void = () => undefined;
  ws.on('agent_status', async ({ status }) => {
    if (!status.startsWith(name)) return;
    statuses.push(status);
    if (status === first) await new Promise<void>((resolve) => (goOn = resolve));
  });
  return { statuses, finish: () => goOn() };
}

/** Connections that can be cut; the first loss is the end. */
function brittle() {
  const sockets: WebSocket[] = [];
  const webSocket = (url: string, protocols: string[]) => {
    const socket = new WebSocket(url, protocols);
    sockets.push(socket);
    return socket;
  };
  return { options: { webSocket, maxAttempts: 0 }, cut: () => sockets.at(-1)?.terminate() };
}

test.concurrent(
  'a stream that is unsubscribed and subscribed in one turn, while its callback is busy, goes on',
  async () => {
    const { publishQuote } = await world();
    const ws = await connected();
    const prices: number[] = [];
    let finish: () => void = () => undefined;
    ws.on('market_data', async ({ price }) => {
      prices.push(price);
      if (prices.length === 1) await new Promise<void>((resolve) => (finish = resolve));
    });
    await ws.connect();
    ws.subscribe('market_data', '8120.HK');
    await publishQuote('8120.HK', 1);
    await eventually(() => prices.length === 1);
    ws.send({ type: 'unsubscribe', channel: 'market_data', symbol: '8120.HK' });
    ws.subscribe('market_data', '8120.HK');
    expect(await subscriptions(ws)).toEqual(['agent_status null', 'market_data 8120.HK']);
    await publishQuote('8120.HK', 2);
    finish();
    await eventually(() => prices.includes(2));
    ws.send({ type: 'unsubscribe', channel: 'market_data', symbol: '8120.hk' });
    ws.subscribe('market_data', '8120.HK');
    expect(await subscriptions(ws)).toEqual(['agent_status null', 'market_data 8120.HK']);
    await publishQuote('8120.HK', 3);
    await eventually(() => prices.includes(3));
  },
);

test.concurrent(
  'after a final error, and after `close`, `connect` subscribes to all that was not unsubscribed',
  async () => {
    const { publishQuote } = await world();
    const { options, cut } = brittle();
    const ws = await connected(undefined, options);
    const states = heard(ws, 'state') as Array<{ state: string; error: { code: string } | null }>;
    const quotes = heard(ws, 'market_data') as Array<{ price: number }>;
    ws.subscribe('market_data', '8121.HK');
    ws.subscribe('market_data', '8122.HK');
    await ws.connect();
    await publishQuote('8121.HK', 1);
    await eventually(() => quotes.length === 1);
    cut();
    await eventually(() => states.at(-1)?.state === 'closed');
    expect(states.at(-1)?.error?.code).toBe('gave_up');
    ws.send({ type: 'unsubscribe', channel: 'market_data', symbol: '8122.HK' });
    ws.subscribe('market_data', '8123.HK');
    await ws.connect();
    const wanted = ['agent_status null', 'market_data 8121.HK', 'market_data 8123.HK'];
    expect(await subscriptions(ws)).toEqual(wanted);
    await publishQuote('8121.HK', 2);
    await eventually(() => quotes.at(-1)?.price === 2);
    await ws.close();
    await ws.connect();
    expect(await subscriptions(ws)).toEqual(wanted);
  },
);

test.concurrent('who connects again in the very turn of the final error has the subscriptions too', async () => {
  const { publishQuote } = await world();
  const { edge } = await world();
  const given = [await mintToken({ ttlSeconds: -60 }), await mintToken({ ttlSeconds: -60 }), await mintToken()];
  const ws = new QuantWebSocket(edge.url, () => given.shift() ?? '', QUICK);
  keep(ws);
  const quotes = heard(ws, 'market_data');
  ws.subscribe('market_data', '8124.HK');
  await ws.connect().catch(() => ws.connect());
  await publishQuote('8124.HK', 1);
  await eventually(() => quotes.length === 1);
});

test.concurrent('an event that two subscriptions cover comes once, and either goes on without the other', async () => {
  const { publishStatus } = await world();
  const ws = await connected();
  const single = { channel: 'agent_status', params: { agent_id: 'covered' } };
  const statuses = statusesOf(ws, 'covered');
  await ws.connect();
  await publishStatus('covered', 'covered 1');
  await eventually(() => statuses.length === 1);
  ws.send({ type: 'subscribe', ...single });
  expect(await subscriptions(ws)).toEqual(['agent_status covered', 'agent_status null']);
  for (const n of [2, 3, 4]) await publishStatus('covered', `covered ${n}`);
  await eventually(() => statuses.length >= 4);
  ws.send({ type: 'unsubscribe', channel: 'agent_status' });
  expect(await subscriptions(ws)).toEqual(['agent_status covered']);
  await publishStatus('covered', 'covered 5');
  await eventually(() => statuses.length >= 5);
  ws.subscribe('agent_status');
  expect(await subscriptions(ws)).toEqual(['agent_status covered', 'agent_status null']);
  await publishStatus('covered', 'covered 6');
  await eventually(() => statuses.length >= 6);
  ws.send({ type: 'unsubscribe', ...single });
  await publishStatus('covered', 'covered 7');
  await eventually(() => statuses.length >= 7);
  expect(statuses).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => `covered ${n}`));
});

test.concurrent(
  'a callback that is behind gets every status once, whichever subscription comes and goes meanwhile',
  async () => {
    const { publishStatus } = await world();
    const ws = await connected();
    const { statuses, finish } = heldUpAt(ws, 'behind 1');
    await ws.connect();
    const publish = async (...numbers: number[]) => {
      for (const n of numbers) await publishStatus('behind', `behind ${n}`);
      // A node sends what was published before its reply, or soon after it.
      await subscriptions(ws);
    };
    await publish(1);
    await eventually(() => statuses.length === 1);
    await publish(2, 3);
    ws.send({ type: 'subscribe', channel: 'agent_status', params: { agent_id: 'behind' } });
    await publish(4, 5);
    finish();
    await eventually(() => statuses.length === 5);
    await publish(6);
    ws.send({ type: 'unsubscribe', channel: 'agent_status' });
    await publish(7);
    await eventually(() => statuses.includes('behind 7'));
    expect(statuses).toEqual([1, 2, 3, 4, 5, 6, 7].map((n) => `behind ${n}`));
  },
);

test.concurrent('the one to all given up while its callback is busy takes no event of the other with it', async () => {
  const { publishStatus } = await world();
  const ws = await connected();
  const { statuses, finish } = heldUpAt(ws, 'handover 1');
  await ws.connect();
  ws.send({ type: 'subscribe', channel: 'agent_status', params: { agent_id: 'handover' } });
  await subscriptions(ws);
  for (const n of [1, 2, 3, 4]) await publishStatus('handover', `handover ${n}`);
  await eventually(() => statuses.length === 1);
  await subscriptions(ws);
  ws.send({ type: 'unsubscribe', channel: 'agent_status' });
  finish();
  await publishStatus('handover', 'handover 5');
  await eventually(() => statuses.includes('handover 5'));
  expect(statuses).toEqual([1, 2, 3, 4, 5].map((n) => `handover ${n}`));
});

test.concurrent('`symbols` in one message are a subscription each, in any spelling', async () => {
  const { publishQuote } = await world();
  const ws = await connected();
  const quotes = heard(ws, 'market_data') as Array<{ price: number }>;
  await ws.connect();
  ws.send({ type: 'subscribe', channel: 'market_data', symbols: ['8130.HK', 'hk.08131', '8130.hk'] });
  expect(await subscriptions(ws)).toEqual(['agent_status null', 'market_data 8130.HK', 'market_data 8131.HK']);
  await publishQuote('8130.HK', 1);
  await publishQuote('8131.HK', 2);
  await eventually(() => quotes.length === 2);
  ws.send({ type: 'unsubscribe', channel: 'market_data', symbol: '8131.HK' });
  expect(await subscriptions(ws)).toEqual(['agent_status null', 'market_data 8130.HK']);
  expect(quotes.map(({ price }) => price).sort()).toEqual([1, 2]);
});

test.concurrent(
  'alerts with `since` begin with those that were missed, and none comes again after a final error',
  async () => {
    const { publishAlert, client } = await world();
    const { client: other } = await client();
    const before = other.alerts();
    await before.ready;
    await publishAlert('since 1');
    let since: { epoch: string | null; seq: number | undefined } | undefined;
    for await (const { epoch, seq, data } of before) {
      since = { epoch, seq };
      if (data.message === 'since 1') break;
    }
    await publishAlert('since 2');
    const { options, cut } = brittle();
    const ws = await connected(undefined, options);
    const messages: string[] = [];
    ws.on('alerts', ({ message }) => {
      if (message.startsWith('since')) messages.push(message);
    });
    const states = heard(ws, 'state') as Array<{ state: string }>;
    ws.send({ type: 'subscribe', channel: 'alerts', since });
    await eventually(() => messages.length === 1);
    await publishAlert('since 3');
    await eventually(() => messages.length === 2);
    cut();
    await eventually(() => states.at(-1)?.state === 'closed');
    await publishAlert('since 4');
    await ws.connect();
    await eventually(() => messages.length >= 3);
    expect(messages).toEqual(['since 2', 'since 3', 'since 4']);
  },
);

test.concurrent(
  'a message with an `id` gets its reply, also of what is subscribed, and the events come once',
  async () => {
    const { publishQuote } = await world();
    const ws = await connected();
    const replies = heard(ws, 'subscribed');
    const farewells = heard(ws, 'unsubscribed');
    const quotes = heard(ws, 'market_data');
    await ws.connect();
    await publishQuote('8140.HK', 1);
    ws.send({ type: 'subscribe', id: 'a', channel: 'market_data', symbol: '8140.HK' });
    ws.send({ type: 'subscribe', id: 'b', channel: 'market_data', symbols: ['8140.HK', '8141.HK'] });
    await eventually(() => replies.length === 2);
    expect(replies).toMatchObject([
      { id: 'a', key: '8140.HK', seq: 1 },
      { id: 'b', results: [{ key: '8140.HK' }, { key: '8141.HK' }] },
    ]);
    await publishQuote('8140.HK', 2);
    await eventually(() => quotes.length >= 2);
    expect(quotes).toMatchObject([{ price: 1 }, { price: 2 }]);
    ws.send({ type: 'unsubscribe', id: 'c', channel: 'market_data', symbol: '8140.HK' });
    await eventually(() => farewells.length > 0);
    expect(farewells).toMatchObject([{ id: 'c', key: '8140.HK' }]);
  },
);

test.concurrent('a message that names no stream ends none, and is told to the callback for errors', async () => {
  const ws = await connected();
  const wrong = heard(ws, 'error') as Array<{ error: string }>;
  await ws.connect();
  ws.send({ type: 'unsubscribe', channel: 'agent_status', params: { agent_id: 'a b' } });
  ws.subscribe('market_data', '');
  ws.subscribe('market_data', 'a b');
  ws.send({ type: 'subscribe', channel: 'market_data', symbols: [] });
  ws.send({ type: 'subscribe', channel: 'alerts', since: 5 });
  ws.send({ type: 'subscribe', channel: 'agent_status', params: { agent_id: 5 } });
  ws.subscribe('toString');
  await eventually(() => wrong.length === 6);
  const codes = [...Array(4).fill('invalid_parameters'), 'symbol_required', 'unsupported_channel'];
  expect(wrong.map(({ error }) => error).sort()).toEqual(codes);
  expect(await subscriptions(ws)).toEqual(['agent_status null']);
});
