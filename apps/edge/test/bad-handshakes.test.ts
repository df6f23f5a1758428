/** Whatever is asked of the port for clients in HTTP: an answer in JSON, or a close, and nobody else notices. */
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { connectClient, expectHandshakeRefused, mintToken, startEdge } from '@tickcast/testing';
import * as fc from 'fast-check';
import { type Bystander, startBystander } from './support/bystander.ts';
import { handshakeRequest, openRawSocket } from './support/raw-socket.ts';
import { type SingleEdge, freshSub, startSingleEdge } from './support/single-edge.ts';

let world: SingleEdge;
let bystander: Bystander;

beforeAll(async () => {
  world = await startSingleEdge();
  bystander = await startBystander(world);
});

afterEach(() => bystander.isUndisturbed());

describe('a request that is not upgraded', () => {
  const at = (path: string) => `http://127.0.0.1:${world.edge.port}${path}`;

  test.each(['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])(
    'by %s gets 426 on the path, 404 elsewhere',
    async (method) => {
      const here = await fetch(at('/api/v1/websocket?access_token=x'), { method });
      expect({ status: here.status, upgrade: here.headers.get('upgrade') }).toEqual({
        status: 426,
        upgrade: 'websocket',
      });
      expect(await here.json()).toMatchObject({ type: 'error', error: 'upgrade_required', detail: expect.any(String) });
      const elsewhere = await fetch(at('/'), { method });
      expect(elsewhere.status).toBe(404);
      expect(elsewhere.headers.get('content-type')).toMatch(/^application\/json/);
      expect(await elsewhere.json()).toMatchObject({ type: 'error', error: 'not_found', detail: expect.any(String) });
    },
  );

  test.each([
    '/api/v1/websocket/',
    '/api/v1/websockets',
    '/api/v1',
    '/API/v1/websocket',
    '//api/v1/websocket',
    '/metrics',
  ])('gets 404 on %s, with an upgrade too', async (path) => {
    expect((await fetch(at(path))).status).toBe(404);
    const raw = await openRawSocket(world.edge.port, handshakeRequest({}, path));
    expect(await raw.head()).toMatch(/^HTTP\/1\.1 404 /);
    raw.socket.destroy();
  });

  test.each([
    ['without a key', { 'Sec-WebSocket-Key': null }],
    ['with a key of another length', { 'Sec-WebSocket-Key': 'short' }],
    ['without Upgrade', { Upgrade: null, Connection: null }],
    ['with an Upgrade to something else', { Upgrade: 'h2c' }],
    ['of version 8', { 'Sec-WebSocket-Version': '8' }],
    ['without a version', { 'Sec-WebSocket-Version': null }],
  ])('because it comes %s gets 426, with the version to come in', async (_, headers) => {
    const raw = await openRawSocket(world.edge.port, handshakeRequest(headers));
    expect(await raw.head()).toMatch(/^HTTP\/1\.1 426 [^]*\r\nSec-WebSocket-Version: 13(\r\n|$)/);
    raw.socket.destroy();
  });
});

describe('Origin', () => {
  const own = () => `http://127.0.0.1:${world.edge.port}`;
  const withOrigin = async (url: string, origin: string) => {
    const token = await mintToken({ sub: freshSub() });
    return { url, options: { token, headers: { origin } } };
  };

  test.each([
    ['of the same host', own],
    ['on localhost', () => 'http://localhost:3000'],
    ['on localhost with TLS', () => 'https://localhost'],
    ['on 127.0.0.1', () => 'http://127.0.0.1:5173'],
    ['on [::1]', () => 'http://[::1]:5173'],
  ])('%s may connect', async (_, origin) => {
    const { url, options } = await withOrigin(world.edge.url, origin());
    const client = await connectClient(url, options);
    expect(await client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
  });

  test.each([
    'https://evil.example.com',
    'http://localhost.evil.example.com',
    'http://127.0.0.1.evil.example.com',
    'https://evil.example.com/?http://localhost',
    'http://localhost@evil.example.com',
    'null',
    'localhost',
    'file://',
    '*',
  ])('%s is refused with 403 and a body that says what to do', async (origin) => {
    const { url, options } = await withOrigin(world.edge.url, origin);
    const { status, body } = await expectHandshakeRefused(url, options);
    expect(status).toBe(403);
    expect(JSON.parse(body)).toMatchObject({ error: 'forbidden', detail: expect.stringContaining('ALLOWED_ORIGINS') });
  });

  test('must be one of TICKCAST_ALLOWED_ORIGINS where that is set, and nothing else may then connect', async () => {
    const env = { TICKCAST_ALLOWED_ORIGINS: 'https://desk.example.com, http://other.example.com:8080' };
    const edge = await startEdge({ redisUrl: world.redis.url, env });
    for (const origin of ['https://desk.example.com', 'http://other.example.com:8080']) {
      const { options } = await withOrigin(edge.url, origin);
      const client = await connectClient(edge.url, options);
      expect(await client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    }
    const refused = [
      `http://127.0.0.1:${edge.port}`,
      'http://localhost',
      'http://desk.example.com',
      'http://other.example.com',
    ];
    for (const origin of refused) {
      const { options } = await withOrigin(edge.url, origin);
      expect(await expectHandshakeRefused(edge.url, options)).toMatchObject({ status: 403 });
    }
    const noBrowser = await connectClient(edge.url, { token: await mintToken({ sub: freshSub() }) });
    expect(await noBrowser.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
  });

  test('may be any where the list is *', async () => {
    const edge = await startEdge({ redisUrl: world.redis.url, env: { TICKCAST_ALLOWED_ORIGINS: '*' } });
    const { options } = await withOrigin(edge.url, 'https://anywhere.example.com');
    const client = await connectClient(edge.url, options);
    expect(await client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
  });
});

describe('any handshake', () => {
  const value = fc.oneof(
    // What may stand in a header's value: everything but control characters, bytes above ASCII too.
    fc.string({ unit: fc.integer({ min: 32, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 200 }),
    fc.constantFrom('Bearer ', 'Bearer x y', 'bearer a.b.c', 'Authorization', 'Authorization,', ',', 'null', '::', '*'),
  );
  const headers = fc.record(
    {
      Authorization: value,
      'Sec-WebSocket-Protocol': value,
      'Sec-WebSocket-Extensions': value,
      Origin: value,
      'X-Forwarded-For': value,
      Host: value,
      Cookie: value,
    },
    { requiredKeys: [] },
  );
  const query = fc.oneof(
    fc.string(),
    fc.constantFrom('seat=%', 'seat=%zz&lang=%', 'access_token', 'lang=en&lang=zh', '&=&'),
  );

  test('is answered by 101, or refused by a status of its own', async () => {
    await fc.assert(
      fc.asyncProperty(headers, query, async (fields, text) => {
        const path = `/api/v1/websocket?${text.replace(/[^!-~]/g, '')}`;
        const request = handshakeRequest(fields, path);
        const raw = await openRawSocket(world.edge.port, Buffer.from(request, 'latin1'));
        expect(await raw.head()).toMatch(/^HTTP\/1\.1 (101|400|403|503) /);
        raw.socket.destroy();
      }),
      { numRuns: 200 },
    );
  });

  test('of random bytes does no harm', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 500 }), async (bytes) => {
        const raw = await openRawSocket(world.edge.port, Buffer.from(bytes));
        raw.socket.end();
        await raw.ended;
      }),
      { numRuns: 100 },
    );
  });

  test('whose headers do not end is cut off', async () => {
    const endless = handshakeRequest({ 'X-Filler': 'x'.repeat(100_000) }).slice(0, -4);
    const raw = await openRawSocket(world.edge.port, endless);
    expect(await raw.ended).toMatch(/^$|^HTTP\/1\.1 4\d\d /);
  });

  test('is followed by a refusal of any token that is not exactly a good one', async () => {
    const good = await mintToken({ sub: freshSub() });
    // The last letter of a signature carries spare bits: another one may mean the same.
    const changed = fc
      .tuple(fc.nat(good.length - 2), fc.constantFrom('A', 'z', '0', '-', '_', '.', '=', ' '))
      .map(([index, letter]) => good.slice(0, index) + letter + good.slice(index + 1))
      .filter((token) => token !== good);
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, fc.string({ unit: 'binary' })), async (token) => {
        const client = await connectClient(world.edge.url, { token, via: 'message' });
        expect(await client.closed).toMatchObject({ code: 4401 });
        expect(client.frames.map(({ frame }) => frame)).toMatchObject([{ error: 'authentication_failed' }]);
      }),
      { numRuns: 150 },
    );
  });
});
