import { describe, expect, test } from '@jest/globals';
import { type HandshakeRequest, isOriginAllowed, readHandshake, readSeatId } from './handshake.ts';

function request(headers: Record<string, string>, query: Record<string, string> = {}): HandshakeRequest {
  return { header: (name) => headers[name] ?? '', query: (name) => query[name] };
}

describe('the token', () => {
  test.each([
    ['Bearer a.b.c', 'a.b.c'],
    ['bearer   a.b.c ', 'a.b.c'],
    ['Basic a.b.c', null],
    ['Bearer', null],
    ['Bearer a b', null],
    ['a.b.c', null],
  ])('is read from the header "Authorization: %s" as %p', (authorization, token) => {
    expect(readHandshake(request({ authorization }), false)).toMatchObject({ token, protocol: '' });
  });

  test.each([
    ['Authorization, a.b.c', 'a.b.c'],
    ['Authorization,a.b.c', 'a.b.c'],
    ['Authorization, Bearer a.b.c', 'a.b.c'],
    ['Authorization', null],
  ])('is read from the subprotocols "%s", of which the answer selects the first alone', (offered, token) => {
    const handshake = readHandshake(request({ 'sec-websocket-protocol': offered }), false);
    expect(handshake).toMatchObject({ token, protocol: 'Authorization' });
  });

  test('is not read from other subprotocols, and none of them is selected', () => {
    const handshake = readHandshake(request({ 'sec-websocket-protocol': 'graphql-ws, a.b.c' }), false);
    expect(handshake).toMatchObject({ token: null, protocol: '' });
  });

  test('is read from the query only where that is switched on', () => {
    const inQuery = request({}, { access_token: 'a.b.c' });
    expect(readHandshake(inQuery, false).token).toBeNull();
    expect(readHandshake(inQuery, true).token).toBe('a.b.c');
  });

  test('is the first found of header, subprotocol and query', () => {
    const headers = { authorization: 'Bearer header', 'sec-websocket-protocol': 'Authorization, subprotocol' };
    const query = { access_token: 'query' };
    expect(readHandshake(request(headers, query), true)).toMatchObject({ token: 'header', protocol: 'Authorization' });
    const withoutHeader = { ...headers, authorization: '' };
    expect(readHandshake(request(withoutHeader, query), true).token).toBe('subprotocol');
  });

  test('may come later: a client without one is let into the lobby', () => {
    expect(readHandshake(request({}), true)).toEqual({ token: null, protocol: '', seat: null, lang: 'zh' });
  });
});

test.each([
  ['abc_DEF-123', 'abc_DEF-123'],
  ['', null],
  ['a b', null],
  ['a}b', null],
  ['a'.repeat(65), null],
  [undefined, null],
])('the seat id %p is read as %p', (value, seat) => {
  expect(readSeatId(value)).toBe(seat);
});

test.each([
  ['en', 'en'],
  ['zh', 'zh'],
  ['fr', 'zh'],
])('with ?lang=%s errors are in %s', (lang, expected) => {
  expect(readHandshake(request({}, { lang }), false).lang).toBe(expected);
});

describe('without a list of origins', () => {
  test.each([
    ['none, as from programs', '', true],
    ['the same host', 'https://desk.example.com', true],
    ['localhost on any port', 'http://localhost:5173', true],
    ['127.0.0.1', 'http://127.0.0.1:3000', true],
    ['[::1]', 'http://[::1]:3000', true],
    ['another host', 'https://evil.example.com', false],
    ['another port of the host', 'https://desk.example.com:8443', false],
    ['a host that begins alike', 'https://desk.example.com.evil.com', false],
    ['null, as from a sandboxed frame', 'null', false],
    ['no URL', 'desk.example.com', false],
  ])('%s: %s may connect is %p', (_, origin, allowed) => {
    expect(isOriginAllowed(origin, 'desk.example.com', null)).toBe(allowed);
  });
});

describe('with a list of origins', () => {
  const list = ['https://desk.example.com'];
  test.each([
    ['', true],
    ['https://desk.example.com', true],
    ['http://desk.example.com', false],
    ['https://ws.example.com', false],
    ['http://localhost', false],
  ])('%s may connect is %p', (origin, allowed) => {
    expect(isOriginAllowed(origin, 'ws.example.com', list)).toBe(allowed);
  });

  test('a * in it stands for any', () => {
    expect(isOriginAllowed('https://evil.example.com', 'ws.example.com', [...list, '*'])).toBe(true);
  });
});
