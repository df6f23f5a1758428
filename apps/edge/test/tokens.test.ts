/** How a token may be given, and which tokens of a shared secret are refused. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  type ConnectOptions,
  type EdgeProcess,
  type TestClient,
  type TokenOptions,
  connectClient,
  mintToken,
  startEdge,
} from '@tickcast/testing';
import { handshakeRequest, openRawSocket } from './support/raw-socket.ts';
import { type SingleEdge, freshSub, startSingleEdge } from './support/single-edge.ts';

const WAYS = ['header', 'subprotocol', 'subprotocol-bearer', 'message'] as const;
const NOW = Math.floor(Date.now() / 1000);

let world: SingleEdge;
/** Takes tokens from the URL, and asks for `iss` and `aud`. */
let strict: EdgeProcess;
const minted: string[] = [];

beforeAll(async () => {
  world = await startSingleEdge({ TICKCAST_LOG_LEVEL: 'trace' });
  strict = await startEdge({
    redisUrl: world.redis.url,
    env: {
      TICKCAST_AUTH_QUERY_TOKEN: 'on',
      TICKCAST_AUTH_ISSUER: 'https://login.example.com',
      TICKCAST_AUTH_AUDIENCE: 'tickcast',
      TICKCAST_LOG_LEVEL: 'trace',
    },
  });
});

async function mint(options: TokenOptions = {}): Promise<string> {
  const token = await mintToken({ sub: freshSub(), ...options });
  minted.push(token);
  return token;
}

async function connect(token: string, via: (typeof WAYS)[number], more: ConnectOptions = {}): Promise<TestClient> {
  return connectClient(world.edge.url, { token, via, ...more });
}

async function expectSeated(client: TestClient): Promise<void> {
  expect(await client.request({ type: 'hello' })).toMatchObject({ type: 'welcome', seat: expect.any(String) });
}

async function expectRefused(client: TestClient): Promise<void> {
  expect(await client.closed).toMatchObject({ code: 4401 });
  expect(client.frames.map(({ frame }) => frame)).toMatchObject([{ type: 'error', error: 'authentication_failed' }]);
}

describe('a token may stand', () => {
  test.each(WAYS)('in the %s', async (via) => {
    await expectSeated(await connect(await mint(), via));
  });

  test('in the URL only where that is configured', async () => {
    const claims = { iss: 'https://login.example.com', aud: 'tickcast' };
    await expectSeated(await connectClient(strict.url, { token: await mint({ claims }), via: 'query' }));
    const elsewhere = await connectClient(world.edge.url, { token: await mint(), via: 'query' });
    elsewhere.send({ type: 'ping' });
    await expectRefused(elsewhere);
  });

  test('in several places, of which the first found counts: header, subprotocol, URL', async () => {
    const good = await mint({ claims: { iss: 'https://login.example.com', aud: ['other', 'tickcast'] } });
    const authorization = { authorization: `Bearer ${good}` };
    await expectSeated(await connect('bad', 'subprotocol', { headers: authorization }));
    await expectRefused(await connect(good, 'subprotocol', { headers: { authorization: 'Bearer bad' } }));
    await expectRefused(
      await connectClient(strict.url, { token: 'bad', via: 'subprotocol', query: { access_token: good } }),
    );
    await expectSeated(await connectClient(strict.url, { token: good, query: { access_token: 'bad' } }));
  });

  test('in a header of more than 4 KiB', async () => {
    const channels = Array.from({ length: 500 }, (_, index) => `market_data:${String(index + 1).padStart(4, '0')}.HK`);
    await expectSeated(await connect(await mint({ channels }), 'header'));
  });
});

describe('the answer to the handshake', () => {
  test.each(['Authorization, TOKEN', 'Authorization, Bearer TOKEN', 'Authorization,TOKEN', 'Authorization, TOKEN, x'])(
    'selects the subprotocol Authorization of "%s" and does not echo the token',
    async (offer) => {
      const token = await mint();
      const request = handshakeRequest({ 'Sec-WebSocket-Protocol': offer.replace('TOKEN', token) });
      const raw = await openRawSocket(world.edge.port, request);
      const head = await raw.head();
      expect(head).toMatch(/^HTTP\/1\.1 101 /);
      expect(head.match(/^sec-websocket-protocol:.*$/gim)).toEqual(['Sec-WebSocket-Protocol: Authorization']);
      expect(raw.received()).not.toContain(token);
      raw.socket.destroy();
    },
  );

  test('selects no subprotocol when none was offered', async () => {
    const raw = await openRawSocket(world.edge.port, handshakeRequest({ Authorization: `Bearer ${await mint()}` }));
    expect(await raw.head()).not.toMatch(/sec-websocket-protocol/i);
    raw.socket.destroy();
  });
});

describe('a token is refused', () => {
  const refused: Record<string, TokenOptions> = {
    'that is not signed (alg none)': { alg: 'none' },
    'signed with another secret': { secret: 'another-secret-0123456789abcdef0123456789' },
    'of another HMAC than HS256': { alg: 'HS512', secret: 'a-secret-for-tests-only-0123456789abcdef'.repeat(2) },
    'that has expired': { ttlSeconds: -6 },
    'without exp': { claims: { exp: undefined } },
    'whose exp is not a number': { claims: { exp: String(NOW + 60) } },
    'whose nbf lies in the future': { claims: { nbf: NOW + 3600 } },
    'whose sub is not a string': { claims: { sub: 5 } },
    'whose channels is a string': { channels: 'alerts' },
    'whose channels is null': { channels: null },
    'with an unknown channel': { channels: ['alerts', 'orders'] },
    'with a key that is none': { channels: ['market_data:no symbol'] },
    'with an entry that is not a string': { channels: [5] },
    'with over 1000 entries': { channels: Array.from({ length: 1001 }, () => 'alerts') },
  };
  test.each(Object.entries(refused))('%s', async (_, options) => {
    await expectRefused(await connect(await mint(options), 'message'));
  });

  test.each([
    ['nothing', ''],
    ['a letter', 'x'],
    ['two dots', '..'],
    ['three letters', 'a.b.c'],
    ['JSON', '{"alg":"none"}'],
    ['3000 letters', 'x'.repeat(3000)],
  ])('that is no JWT at all but %s', async (_, token) => {
    await expectRefused(await connect(token, 'message'));
  });

  test('whose payload was changed', async () => {
    const [header, , signature] = (await mint({ channels: ['alerts'] })).split('.');
    const payload = (await mint({ channels: ['*'] })).split('.')[1];
    await expectRefused(await connect(`${header}.${payload}.${signature}`, 'header'));
  });

  test.each([
    ['iss', { iss: 'https://evil.example.com', aud: 'tickcast' }],
    ['aud', { iss: 'https://login.example.com', aud: 'other' }],
    ['iss at all', { aud: 'tickcast' }],
    ['aud at all', { iss: 'https://login.example.com' }],
  ])('without the right %s where one is configured', async (_, claims) => {
    await expectRefused(await connectClient(strict.url, { token: await mint({ claims }) }));
  });
});

test('clocks may differ by 5 s, and iat says nothing', async () => {
  await expectSeated(await connect(await mint({ claims: { nbf: NOW + 3, iat: NOW + 3600 } }), 'header'));
});

test('an auth that fails is answered with its id', async () => {
  const client = await connectClient(world.edge.url);
  client.send({ type: 'auth', token: 'not-a-token', id: 'first' });
  expect(await client.next('error')).toMatchObject({ error: 'authentication_failed', id: 'first' });
});

test('no token, nor its signature, is ever logged', () => {
  const log = [...world.edge.logs(), ...strict.logs()].join('\n');
  const secrets = minted.flatMap((token) => [token, token.split('.')[2] ?? '']).filter((text) => text !== '');
  expect(secrets.filter((text) => log.includes(text))).toEqual([]);
});
