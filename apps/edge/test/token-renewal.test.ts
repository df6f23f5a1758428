/** A token's end, and the new tokens of a seated client. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type TestClient, connectClient, eventually, mintToken } from '@tickcast/testing';
import { type SingleEdge, freshSub, startSingleEdge } from './support/single-edge.ts';

/** An edge looks at its clients in turns of a second. */
const TURN_MS = 1500;

let world: SingleEdge;

beforeAll(async () => {
  world = await startSingleEdge();
});

interface Session {
  client: TestClient;
  /** Asks for a renewal with a token of these seconds, laid over by `more`. */
  renew(ttlSeconds: number, more?: { sub?: string; channels?: unknown }): Promise<Record<string, unknown>>;
  /** Milliseconds until the end of the token that the edge last said it has. */
  untilExpiry(): Promise<number>;
}

async function connect(ttlSeconds: number): Promise<Session> {
  const sub = freshSub();
  const client = await connectClient(world.edge.url, { token: await mintToken({ sub, ttlSeconds }) });
  return {
    client,
    renew: async (ttl, more = {}) =>
      client.request({ type: 'auth', token: await mintToken({ sub, ttlSeconds: ttl, ...more }) }),
    untilExpiry: async () => Number((await client.request({ type: 'hello' }))['expires_at']) * 1000 - Date.now(),
  };
}

async function expectExpiry({ client }: Session, startedAt: number, inMs: number): Promise<void> {
  const { code, at } = await client.closed;
  expect(code).toBe(4401);
  expect(client.frames.at(-1)?.frame).toMatchObject({ type: 'error', error: 'token_expired' });
  expect(at - startedAt).toBeGreaterThan(inMs - 50);
  expect(at - startedAt).toBeLessThan(inMs + TURN_MS);
}

describe('at its exp', () => {
  test('a token ends the connection with token_expired and close 4401', async () => {
    const session = await connect(3);
    const startedAt = performance.now();
    await expectExpiry(session, startedAt, await session.untilExpiry());
  });

  test('a token ends the connection of a client that knows only the seed, without a notice before', async () => {
    const { client } = await connect(2);
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect(client.frames.map(({ frame }) => frame)).toMatchObject([{ type: 'error', error: 'token_expired' }]);
  });
});

test('a token within the 5 s of tolerance past its exp is accepted, and ends the connection when they are over', async () => {
  const { client } = await connect(-2);
  const welcome = await client.request({ type: 'hello' });
  const endsInMs = (Number(welcome['expires_at']) + 5) * 1000 - Date.now();
  expect(endsInMs).toBeGreaterThan(1000);
  const from = performance.now();
  const { code, at } = await client.closed;
  expect(code).toBe(4401);
  expect(client.frames.at(-1)?.frame).toMatchObject({ type: 'error', error: 'token_expired' });
  expect(at - from).toBeGreaterThan(endsInMs - 50);
  expect(at - from).toBeLessThan(endsInMs + TURN_MS);
});

describe('token_expiring', () => {
  test('comes to an opted-in client 60 s before exp, once for each token', async () => {
    const session = await connect(61);
    const { client } = session;
    const expiresAt = Date.now() + (await session.untilExpiry());
    const notice = await client.next('token_expiring');
    expect(Math.abs(Number(notice['expires_at']) * 1000 - expiresAt)).toBeLessThan(100);
    expect(expiresAt - Date.now()).toBeLessThanOrEqual(60_000);
    expect(expiresAt - Date.now()).toBeGreaterThan(60_000 - TURN_MS);

    expect(await session.renew(50)).toMatchObject({ type: 'authenticated' });
    expect(await client.next('token_expiring', TURN_MS)).toMatchObject({ expires_at: expect.any(Number) });
    expect(await session.renew(3600)).toMatchObject({ type: 'authenticated' });
    expect(client.received('token_expiring').length).toBe(2);

    // A new token counts from now on, be it shorter than the old one.
    expect(await session.renew(3)).toMatchObject({ type: 'authenticated' });
    const startedAt = performance.now();
    await expectExpiry(session, startedAt, await session.untilExpiry());
  });
});

describe('a new token', () => {
  test('keeps the connection past the end of the old one', async () => {
    const session = await connect(2);
    const answer = await session.renew(3600);
    expect(answer).toMatchObject({ type: 'authenticated', expires_at: expect.any(Number) });
    const other = await connect(2);
    await other.client.closed;
    expect(await session.client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(await session.untilExpiry()).toBeGreaterThan(3_500_000);
  });

  test('of another sub is refused, and the old one stands with its claim', async () => {
    const { client, renew, untilExpiry } = await connect(3600);
    const before = await untilExpiry();
    expect(await renew(7200, { sub: 'somebody-else', channels: ['alerts'] })).toMatchObject({
      type: 'error',
      error: 'authentication_failed',
      detail: expect.stringContaining('另一个用户'),
    });
    expect(await untilExpiry()).toBeLessThanOrEqual(before);
    expect(await client.request({ type: 'subscribe', channel: 'agent_status' })).toMatchObject({ type: 'subscribed' });
  });

  test('that is bad is refused, and the old one stands', async () => {
    const { client, renew } = await connect(3600);
    expect(await renew(-60)).toMatchObject({ type: 'error', error: 'authentication_failed' });
    expect(await client.request({ type: 'auth', token: 'x' })).toMatchObject({ error: 'authentication_failed' });
    expect(await client.request({ type: 'auth' })).toMatchObject({ error: 'invalid_parameters' });
    expect(await client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
  });

  test('counts over those sent before it, however many are under check at once', async () => {
    const sub = freshSub();
    const ttls = Array.from({ length: 60 }, (_, index) => 3600 + 60 * index);
    const tokens = await Promise.all(ttls.map((ttlSeconds) => mintToken({ sub, ttlSeconds })));
    const client = await connectClient(world.edge.url, { token: tokens[0] ?? '' });
    for (const [id, token] of tokens.entries()) client.send({ type: 'auth', token, id });
    await eventually(() => client.received('authenticated').length === tokens.length);
    expect(client.received('authenticated').map(({ id }) => id)).toEqual([...tokens.keys()]);
    const last = client.received('authenticated').at(-1);
    expect(await client.request({ type: 'hello' })).toMatchObject({ expires_at: last?.['expires_at'] });
  });
});
