/** CLIENTS.md, as an application sees it that uses the TypeScript SDK against a real edge. */
import { afterAll, expect, test } from '@jest/globals';
import { eventually, mintToken } from '@tickcast/testing';
import { Tickcast, TickcastError } from '../src/mod.ts';
import { QUICK, type World, collect, startWorld, wiretap } from './world.ts';

// Not in `beforeAll`, for which concurrent tests don't wait.
const started = startWorld();
const world = (): Promise<World> => started;

afterAll(async () => (await started).stop());

test.concurrent(
  'events are the frames as they came, with the epoch where they stand, and the text as `raw`',
  async () => {
    const { client: make, publishQuote } = await world();
    const { client } = await make();
    const quotes = client.marketData('8101.HK');
    const { got } = collect(quotes);
    await quotes.ready;
    expect(client.state).toBe('live');
    await publishQuote('8101.HK', 352.5);
    await eventually(() => got.length > 0);
    const [quote] = got;
    expect(quote).toMatchObject({ type: 'market_data', symbol: '8101.HK', seq: 1, data: { price: 352.5 } });
    const [stream] = client.streams();
    expect(quote?.epoch).toBe(stream?.epoch);
    expect(Object.keys(quote ?? {})).not.toContain('raw');
    expect(JSON.parse(quote?.raw ?? '')).toEqual({ ...quote, epoch: undefined });
    expect(stream).toMatchObject({ channel: 'market_data', key: '8101.HK', lastSeq: 1 });
    expect(stream?.lagMs).toBeGreaterThanOrEqual(0);
    expect(stream?.ageMs).toBeGreaterThanOrEqual(0);
  },
);

test.concurrent('two subscriptions share one at the server, and the last that ends unsubscribes', async () => {
  const { client: make, publishQuote } = await world();
  const { webSocket, sentOf } = wiretap();
  const { client } = await make({ webSocket });
  const lists: object[] = [];
  client.on('reply', (frame) => lists.push(frame));
  const first = client.marketData(['700.HK', '8102.HK']);
  const { got } = collect(first);
  await first.ready;
  await publishQuote('8102.HK', 1);
  await eventually(() => got.length > 0);

  const stop = new AbortController();
  const second = client.marketData(['8102.hk'], { signal: stop.signal });
  const late = collect(second);
  await second.ready;
  await eventually(() => late.got.length > 0);
  expect(late.got[0]).toMatchObject({ seq: 1, snapshot: true, data: { price: 1 } });
  expect(sentOf('subscribe')).toHaveLength(1);
  await publishQuote('8102.HK', 2);
  await eventually(() => got.length === 2 && late.got.length === 2);

  first.close();
  expect(sentOf('unsubscribe')).toHaveLength(1);
  stop.abort();
  await late.ended;
  expect(sentOf('unsubscribe')).toHaveLength(2);
  client.send({ type: 'list', id: 'mine' });
  await eventually(() => lists.length > 0);
  expect(lists).toEqual([{ type: 'subscriptions', id: 'mine', subscriptions: [], count: 0 }]);
});

test.concurrent('leaving the loop unsubscribes', async () => {
  const { client: make, publishStatus } = await world();
  const { webSocket, sentOf } = wiretap();
  const { client } = await make({ webSocket });
  const agents = client.agentStatus('leaver');
  await agents.ready;
  await publishStatus('leaver', 'running');
  for await (const { data } of agents) {
    expect(data.status).toBe('running');
    break;
  }
  expect(sentOf('unsubscribe')).toHaveLength(1);
});

test.concurrent('a subscription whose signal is aborted already asks for nothing', async () => {
  const { client: make } = await world();
  const { client } = await make();
  const { ended } = collect(client.alerts({ signal: AbortSignal.abort() }));
  await ended;
  expect(client.state).toBe('closed');
});

test.concurrent(
  'an application that takes its time over a quote delays neither heartbeats nor another stream',
  async () => {
    const { client: make, publishQuote, publishStatus } = await world();
    const { webSocket, sentOf } = wiretap();
    const { client, errors } = await make({ webSocket, pingIntervalMs: 2000 });
    const quotes = client.marketData('8103.HK');
    const agents = collect(client.agentStatus('quick'));
    await quotes.ready;
    let isBusy = false;
    let finish: () => void = () => undefined;
    const slow = (async () => {
      for await (const { seq } of quotes) {
        expect(seq).toBe(1);
        isBusy = true;
        await new Promise<void>((resolve) => (finish = resolve));
        break;
      }
    })();
    await publishQuote('8103.HK', 1);
    await eventually(() => isBusy);
    const pings = sentOf('ping').length;
    await publishStatus('quick', 'running');
    await eventually(() => agents.got.length > 0);
    await eventually(() => sentOf('ping').length >= pings + 2, { withinMs: 15_000 });
    finish();
    await slow;
    expect(errors).toEqual([]);
  },
);

test.concurrent('what the token does not allow ends that subscription with `forbidden`, and no other', async () => {
  const { client: make, publishQuote } = await world();
  const token = await mintToken({ channels: ['market_data:8104.HK'] });
  const { client, errors } = await make({ token });
  const allowed = collect(client.marketData('8104.HK'));
  const both = client.marketData(['8104.HK', '9999.HK']);
  const refused = collect(both);
  await expect(both.ready).rejects.toMatchObject({ code: 'forbidden' });
  await expect(refused.ended).rejects.toMatchObject({ code: 'forbidden' });
  await expect(collect(client.alerts()).ended).rejects.toMatchObject({ code: 'forbidden' });
  await client.connect();
  await publishQuote('8104.HK', 1);
  await eventually(() => allowed.got.length > 0);
  expect(errors).toEqual([]);
});

test.concurrent('a symbol that can be none is refused without asking', async () => {
  const { client: make } = await world();
  const { client } = await make();
  await expect(client.marketData(['0700.HK', '腾讯']).ready).rejects.toMatchObject({ code: 'invalid_parameters' });
  expect(() => client.marketData([])).toThrow('No stream is named');
});

test.concurrent('a callback that throws is told as handler_failed, and gets the next event all the same', async () => {
  const { client: make } = await world();
  const { client, errors } = await make();
  const states: string[] = [];
  const remove = client.on('state', ({ state }) => {
    states.push(state);
    throw new RangeError('mine');
  });
  await client.connect();
  await eventually(() => errors.length === 2);
  expect(states).toEqual(['connecting', 'live']);
  expect(errors[0]).toMatchObject({ code: 'handler_failed', cause: { message: 'mine' } });
  remove();
  await client.close();
  expect(states).toEqual(['connecting', 'live']);
});

test.concurrent('close ends iterators normally, and afterwards nothing is connected behind the back', async () => {
  const { client: make } = await world();
  const { client } = await make();
  const { ended } = collect(client.alerts());
  await client.connect();
  await client.close();
  await ended;
  expect(client.state).toBe('closed');
  expect(() => client.alerts()).toThrow(expect.objectContaining({ code: 'not_connected' }));
  await client.connect();
  await client.alerts().ready;
});

test.concurrent('a client that is closed while it connects says so to who waits', async () => {
  const { client: make } = await world();
  const { client } = await make();
  const connecting = client.connect();
  await client.close();
  await expect(connecting).rejects.toMatchObject({ code: 'not_connected' });
});

test.concurrent('an HTTP status that refuses the handshake is final, and comes with the error', async () => {
  const { edge } = await world();
  const elsewhere = new Tickcast(edge.url.replace('/websocket', '/nothing'), { token: await mintToken(), ...QUICK });
  const { ended } = collect(elsewhere.alerts());
  await expect(elsewhere.connect()).rejects.toMatchObject({ code: 'handshake_refused', status: 404 });
  await expect(ended).rejects.toBeInstanceOf(TickcastError);
  expect(elsewhere.state).toBe('closed');
});

test.concurrent('the last position given as `since` brings what was missed since then, once', async () => {
  const { client: make, publishAlert } = await world();
  const { client: before } = await make();
  const alerts = before.alerts();
  const { got } = collect(alerts);
  await alerts.ready;
  await publishAlert('seen');
  await eventually(() => got.length > 0);
  const { epoch, seq } = got[0] ?? {};
  await before.close();
  await publishAlert('missed');
  const { client: after } = await make();
  const since = { epoch: epoch ?? '', seq: seq ?? 0 };
  const later = collect(after.alerts({ since }));
  await eventually(() => later.got.length > 0);
  expect(later.got.map(({ data }) => data.message)).toEqual(['missed']);
  await expect(after.alerts({ since }).ready).rejects.toMatchObject({ code: 'invalid_parameters' });
});

test.concurrent('neither the token nor the seat is ever in the log', async () => {
  const { client: make } = await world();
  const { webSocket, received } = wiretap();
  const lines: string[] = [];
  const token = await mintToken();
  const refused = await mintToken({ sub: 'somebody-else', secret: 'another-secret-of-32-bytes-at-least!' });
  for (const each of [token, refused, `${token} with a blank`]) {
    const { client } = await make({ token: each, webSocket, log: (line) => lines.push(line) });
    await client.connect().catch(() => undefined);
    if (client.state === 'live') await client.alerts().ready;
    await client.close();
  }
  const seat = /"seat":"([^"]+)"/.exec(received.join('\n'))?.[1] ?? '';
  expect(seat).not.toBe('');
  expect(lines.length).toBeGreaterThan(8);
  const text = lines.join('\n');
  for (const secret of [seat, token, refused, token.split('.')[2] ?? '', 'Bearer']) expect(text).not.toContain(secret);
});
