import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { jwtVerify } from 'jose';
import { WebSocketServer, type WebSocket } from 'ws';
import { connectClient, expectHandshakeRefused, mintToken, TEST_SECRET, type TokenPlace } from './mod.ts';

let http: Server;
let url: string;
let handshake: Handshake;

interface Handshake {
  authorization: string | undefined;
  protocols: string | undefined;
  path: string | undefined;
}

/** Echoes text frames; says `closing` what close code it wants; refuses `?refuse=1` with 503. */
beforeEach(async () => {
  http = createServer();
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false });
  http.on('upgrade', (request, socket, head) => {
    const { authorization, 'sec-websocket-protocol': protocols } = request.headers;
    handshake = { authorization, protocols, path: request.url };
    // ws refuses a subprotocol with a space, which is what one of the tests sends.
    if (protocols !== undefined) request.headers['sec-websocket-protocol'] = protocols.replace('Bearer ', '');
    if (request.url?.includes('refuse=1')) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 4\r\n\r\nfull');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (peer: WebSocket) => {
      peer.on('message', (data) => {
        const text = data.toString();
        if (text === 'close me') peer.close(4401, 'token bad');
        else peer.send(text);
      });
    });
  });
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
  url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`;
});

afterEach(() => {
  http.close();
  http.closeAllConnections();
});

test('a client passes over frames that do not match, and finds replies by their id', async () => {
  const client = await connectClient(url);
  client.send({ type: 'one' });
  client.send('{"type":"two","n":1}');
  client.send({ type: 'two', n: 2 });
  expect(await client.next('two')).toEqual({ type: 'two', n: 1 });
  expect(await client.request({ type: 'ping' })).toMatchObject({ type: 'ping', id: 'request-1' });
  expect(await client.next((frame) => frame['n'] === 2)).toMatchObject({ type: 'two' });
  expect(client.frames.map(({ frame }) => frame.type)).toEqual(['one', 'two', 'two', 'ping']);
  await expect(client.next('three', 50)).rejects.toThrow(/not within 50 ms: no frame of type three/);
  await client.close();
});

test('a close is told with its code and reason, and ends the waiting for frames', async () => {
  const client = await connectClient(url);
  client.send('close me');
  await expect(client.next('anything')).rejects.toThrow(/closed 4401 token bad/);
  expect(await client.closed).toMatchObject({ code: 4401, reason: 'token bad' });
});

test.each<[TokenPlace, (seen: Handshake) => string | undefined, (token: string) => string]>([
  ['header', (seen) => seen.authorization, (token) => `Bearer ${token}`],
  ['subprotocol', (seen) => seen.protocols, (token) => `Authorization,${token}`],
  ['subprotocol-bearer', (seen) => seen.protocols, (token) => `Authorization, Bearer ${token}`],
  ['query', (seen) => seen.path, (token) => `/?lang=en&access_token=${token}`],
])('a token goes where it is told to: %s', async (via, place, expected) => {
  const token = await mintToken({ sub: 'alice', channels: ['alerts'] });
  const client = await connectClient(url, { token, via, query: { lang: 'en' } });
  expect(place(handshake)).toBe(expected(token));
  await client.terminate();
});

test('a token sent as a message is the first message', async () => {
  const client = await connectClient(url, { token: 'abc', via: 'message' });
  expect(await client.next('auth')).toEqual({ type: 'auth', token: 'abc' });
  await client.terminate();
});

test('a refused handshake is answered with status, headers and body', async () => {
  const refused = await expectHandshakeRefused(url, { query: { refuse: '1' } });
  expect(refused).toMatchObject({ status: 503, body: 'full', headers: { 'retry-after': '2' } });
  await expect(connectClient(url, { query: { refuse: '1' } })).rejects.toThrow(/503/);
});

test('a minted token carries what it was told to, and is signed with the secret of the edges', async () => {
  const token = await mintToken({ sub: 'bob', channels: ['market_data:*'], claims: { aud: 'x', iat: undefined } });
  const { payload } = await jwtVerify(token, new TextEncoder().encode(TEST_SECRET));
  expect(payload).toMatchObject({ sub: 'bob', channels: ['market_data:*'], aud: 'x' });
  expect(payload).not.toHaveProperty('iat');
  const unsigned = await mintToken({ alg: 'none' });
  expect(unsigned.endsWith('.')).toBe(true);
});
