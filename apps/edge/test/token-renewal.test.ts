/** A token's end, and the new tokens of a seated client. */
import { beforeAll, expect, test } from '@jest/globals';
import { type TestClient, connectClient, eventually, mintToken } from '@tickcast/testing';
import { type SingleEdge, freshSub, startSingleEdge } from './support/single-edge.ts';
import { startStopwatch } from './support/stopwatch.ts';

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
  /** When the token ends that the edge says it has, Unix ms. */
  expiresAt(): Promise<number>;
}

async function connect(ttlSeconds: number): Promise<Session> {
  const sub = freshSub();
  const client = await connectClient(world.edge.url, { token: await mintToken({ sub, ttlSeconds }) });
  return {
    client,
    renew: async (ttl, more = {}) =>
      client.request({ type: 'auth', token: await mintToken({ sub, ttlSeconds: ttl, ...more }) }),
    expiresAt: async () => Number((await client.request({ type: 'hello' }))['expires_at']) * 1000,
  };
}

/** @param toleranceMs for which the edge takes the token past its end */
async function expectExpiry({ client, expiresAt }: Session, toleranceMs = 0): Promise<void> {
  const watch = startStopwatch();
  const startedAt = Date.now();
  const inMs = (await expiresAt()) + toleranceMs - startedAt;
  expect(await client.closed).toMatchObject({ code: 4401 });
  expect(client.frames.at(-1)?.frame).toMatchObject({ type: 'error', error: 'token_expired' });
  expect(Date.now() - startedAt).toBeGreaterThan(inMs - 50);
  expect(watch.stop()).toBeLessThan(inMs + TURN_MS);
}

test.concurrent('at its exp a token ends the connection with token_expired and close 4401', async () => {
  await expectExpiry(await connect(6));
});

test.concurrent(
  'a token ends the connection of a client that knows only the seed, without a notice before',
  async () => {
    const { client } = await connect(2);
    expect(await client.closed).toMatchObject({ code: 4401 });
    expect(client.frames.map(({ frame }) => frame)).toMatchObject([{ type: 'error', error: 'token_expired' }]);
  },
);

test.concurrent(
  'a token within the 5 s of tolerance past its exp is accepted, and ends the connection when they are over',
  async () => {
    const session = await connect(-1);
    expect(await session.expiresAt()).toBeLessThan(Date.now());
    await expectExpiry(session, 5000);
  },
);

test.concurrent(
  'token_expiring comes at once to a client that opts in when its token ends in less than 60 s',
  async () => {
    const { client } = await connect(40);
    // It is seated, and looked at, before it opts in.
    client.send({ type: 'ping' });
    await client.next('pong');
    const watch = startStopwatch();
    client.send({ type: 'hello' });
    expect(await client.next('token_expiring', 10_000)).toMatchObject({ expires_at: expect.any(Number) });
    expect(watch.stop()).toBeLessThan(2 * TURN_MS);
  },
);

test.concurrent('token_expiring comes to an opted-in client 60 s before exp, once for each token', async () => {
  const session = await connect(65);
  const { client } = session;
  const watch = startStopwatch();
  const startedAt = Date.now();
  const expiresAt = await session.expiresAt();
  const notice = await client.next('token_expiring', 15_000);
  expect(Number(notice['expires_at']) * 1000).toBe(expiresAt);
  expect(expiresAt - Date.now()).toBeLessThanOrEqual(60_000);
  expect(watch.ms()).toBeLessThan(expiresAt - 60_000 - startedAt + TURN_MS);

  expect(await session.renew(50)).toMatchObject({ type: 'authenticated' });
  const renewedMs = watch.ms();
  expect(await client.next('token_expiring', 10_000)).toMatchObject({ expires_at: expect.any(Number) });
  expect(watch.stop() - renewedMs).toBeLessThan(TURN_MS);
  expect(await session.renew(3600)).toMatchObject({ type: 'authenticated' });
  expect(client.received('token_expiring').length).toBe(2);

  // A new token counts from now on, be it shorter than the old one.
  expect(await session.renew(6)).toMatchObject({ type: 'authenticated' });
  await expectExpiry(session);
});

test.concurrent('a new token keeps the connection past the end of the old one', async () => {
  const session = await connect(6);
  const answer = await session.renew(3600);
  expect(answer).toMatchObject({ type: 'authenticated', expires_at: expect.any(Number) });
  const other = await connect(6);
  await other.client.closed;
  expect(await session.client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
  expect((await session.expiresAt()) - Date.now()).toBeGreaterThan(3_500_000);
});

test('a new token of another sub is refused, and the old one stands with its claim', async () => {
  const { client, renew, expiresAt } = await connect(3600);
  const before = await expiresAt();
  expect(await renew(7200, { sub: 'somebody-else', channels: ['alerts'] })).toMatchObject({
    type: 'error',
    error: 'authentication_failed',
    detail: expect.stringContaining('另一个用户'),
  });
  expect(await expiresAt()).toBe(before);
  expect(await client.request({ type: 'subscribe', channel: 'agent_status' })).toMatchObject({ type: 'subscribed' });
});

test('a new token that is bad is refused, and the old one stands', async () => {
  const { client, renew } = await connect(3600);
  expect(await renew(-60)).toMatchObject({ type: 'error', error: 'authentication_failed' });
  expect(await client.request({ type: 'auth', token: 'x' })).toMatchObject({ error: 'authentication_failed' });
  expect(await client.request({ type: 'auth' })).toMatchObject({ error: 'invalid_parameters' });
  expect(await client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
});

test('a new token counts over those sent before it, however many are under check at once', async () => {
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
