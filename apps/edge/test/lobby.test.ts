/** Before the seat: what is heard without a token, and what waits while a token is checked. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type EdgeProcess,
  type TestClient,
  connectClient,
  eventually,
  expectHandshakeRefused,
  mintToken,
  startEdge,
} from '@tickcast/testing';
import { startHeldKeyServer } from './support/key-server.ts';
import { type SingleEdge, freshSub, startSingleEdge } from './support/single-edge.ts';

const LOBBY_SIZE = 128;
const MAX_PENDING = 4;
const AUTHENTICATION_FAILED = { type: 'error', error: 'authentication_failed', detail: '无效或过期的访问令牌' };

let world: SingleEdge;

beforeAll(async () => {
  world = await startSingleEdge();
});

describe('in the lobby', () => {
  test.each([
    ['ping', { type: 'ping' }],
    ['subscribe', { type: 'subscribe', channel: 'alerts', symbol: null }],
    ['hello', { type: 'hello' }],
    ['an unknown type', { type: 'unknown_type' }],
    ['auth without a token', { type: 'auth' }],
    ['auth with a token that is no string', { type: 'auth', token: { alg: 'none' } }],
    ['text that is not JSON', 'not json'],
  ])('%s is answered with authentication_failed and close 4401', async (_, message) => {
    const client = await connectClient(world.edge.url);
    client.send(message);
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect(client.frames.map(({ frame }) => frame)).toEqual([AUTHENTICATION_FAILED]);
  });

  test('what follows the message that was refused is not heard, not even a good token', async () => {
    const client = await connectClient(world.edge.url);
    client.send({ type: 'ping', id: 1 });
    client.send({ type: 'auth', token: await mintToken(), id: 2 });
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect(client.frames.map(({ frame }) => frame)).toEqual([{ ...AUTHENTICATION_FAILED, id: 1 }]);
  });

  test('a ping of the WebSocket protocol is answered', async () => {
    const client = await connectClient(world.edge.url);
    const pong = new Promise((resolve) => client.socket.once('pong', (data) => resolve(data.toString())));
    client.socket.ping('anybody there?');
    expect(await pong).toBe('anybody there?');
    await client.terminate();
  });

  test('128 may wait 10 s, the next is refused with 503 and Retry-After, and those with a token still get in', async () => {
    await eventually(async () => (await phases()).every((phase) => phase !== 'lobby'));
    const startedAt = performance.now();
    const waiting = await Promise.all(Array.from({ length: LOBBY_SIZE }, () => connectClient(world.edge.url)));
    const connectedAt = performance.now();
    const refused = await expectHandshakeRefused(world.edge.url);
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
    expect(JSON.parse(refused.body)).toMatchObject({
      type: 'error',
      error: 'connection_limit_exceeded',
      retry_after_ms: expect.any(Number),
    });
    const seated = await world.connect();
    expect(await seated.request({ type: 'ping' })).toMatchObject({ type: 'pong' });

    await waiting.pop()?.close();
    const late = await connectClient(world.edge.url);
    late.send({ type: 'auth', token: await mintToken({ sub: freshSub() }), id: 1 });
    expect(await late.next('authenticated')).toMatchObject({ id: 1 });

    for (const client of waiting) {
      const { code, at } = await client.closed;
      expect(code).toBe(4401);
      expect(at - startedAt).toBeGreaterThan(9900);
      expect(at - connectedAt).toBeLessThan(15_000);
      expect(client.frames.map(({ frame }) => frame)).toEqual([AUTHENTICATION_FAILED]);
    }
    expect(await late.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
  });

  async function phases(): Promise<string[]> {
    const { body } = await world.edge.admin('/connz');
    return (JSON.parse(body) as { connections: Array<{ phase: string }> }).connections.map(({ phase }) => phase);
  }
});

describe('while a token is checked', () => {
  let held: Awaited<ReturnType<typeof startHeldKeyServer>>;
  let edge: EdgeProcess;

  // The first token makes an edge ask for the keys: as long as they are held back, it is under check.
  beforeEach(async () => {
    held = await startHeldKeyServer();
    const env = { ...held.env, TICKCAST_MAX_PENDING: String(MAX_PENDING) };
    edge = await startEdge({ redisUrl: world.redis.url, env });
  });

  afterEach(() => held.keyServer.close());

  async function connect(via: 'header' | 'message' = 'header'): Promise<TestClient> {
    const token = await held.mint(freshSub());
    return connectClient(edge.url, { token, via });
  }

  /** Sends messages of `bytes` bytes each, all of them `ping` with an `id`. */
  function sendPings(client: TestClient, count: number, bytes: number): void {
    for (let id = 1; id <= count; id++) {
      const message = JSON.stringify({ type: 'ping', id, filler: '' });
      client.send(message.replace('""', `"${'x'.repeat(bytes - message.length)}"`));
    }
  }

  test.each(['header', 'message'] as const)(
    'messages wait and are then handled in order (token by %s)',
    async (via) => {
      const client = await connect(via);
      sendPings(client, 20, 1600);
      client.send({ type: 'hello', id: 'last' });
      await eventually(() => held.keyServer.requests > 0);
      expect(client.frames).toEqual([]);
      held.keyServer.release();
      await client.next('welcome');
      const ids = client.frames.map(({ frame }) => frame['id']);
      expect(ids).toEqual([...Array.from({ length: 20 }, (_, index) => index + 1), 'last']);
    },
  );

  test.each([
    ['over 32 KiB', 3, 11_000],
    ['a flood of empty messages', 5000, 0],
  ])('%s close the connection with 4429', async (_, count, bytes) => {
    const client = await connect();
    if (bytes > 0) sendPings(client, count, bytes);
    else for (let sent = 0; sent < count; sent++) client.send('');
    expect(await client.closed).toMatchObject({ code: 4429 });
    expect(client.received('error')).toMatchObject([{ error: 'rate_limited' }]);
    expect(client.frames.length).toBe(1);
  });

  test('over the number that may be pending a token is refused: in a handshake with 503, out of the lobby with 1013', async () => {
    const pending = await Promise.all(Array.from({ length: MAX_PENDING - 1 }, () => connect()));
    pending.push(await connect('message'));
    await eventually(async () => (await edge.admin('/connz')).body.split('"checking"').length > MAX_PENDING);
    const refused = await expectHandshakeRefused(edge.url, { token: 'any' });
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
    const inLobby = await connectClient(edge.url);
    inLobby.send({ type: 'auth', token: 'any', id: 1 });
    expect(await inLobby.closed).toMatchObject({ code: 1013 });
    expect(inLobby.frames.map(({ frame }) => frame)).toMatchObject([
      { type: 'error', error: 'connection_limit_exceeded', id: 1, retry_after_ms: expect.any(Number) },
    ]);
    held.keyServer.release();
    for (const client of pending) expect(await client.request({ type: 'hello' })).toMatchObject({ type: 'welcome' });
    expect(await (await connect()).request({ type: 'hello' })).toMatchObject({ type: 'welcome' });
  });
});
