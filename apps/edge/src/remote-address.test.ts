import { expect, test } from '@jest/globals';
import { createRemoteAddressOf } from './remote-address.ts';

const direct = createRemoteAddressOf([]);
const proxied = createRemoteAddressOf(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32']);

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['0000:0000:0000:0000:0000:ffff:cb00:7107', '203.0.113.7'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:0db8:0000:0000:0000:0000:0000:0001'],
])('without a proxy the address of %s is %s', (socketAddress, address) => {
  expect(direct(socketAddress, '')).toBe(address);
});

test('without trusted proxies X-Forwarded-For is not believed', () => {
  expect(direct('203.0.113.7', '1.2.3.4')).toBe('203.0.113.7');
});

test('a client that is no proxy is not believed', () => {
  expect(proxied('203.0.113.7', '1.2.3.4')).toBe('203.0.113.7');
});

test.each([
  ['IPv4', '10.1.2.3', '203.0.113.7', '203.0.113.7'],
  ['mapped IPv4', '::ffff:10.1.2.3', '::ffff:203.0.113.7', '203.0.113.7'],
  ['the long form of mapped IPv4', '0000:0000:0000:0000:0000:ffff:0a01:0203', '203.0.113.7', '203.0.113.7'],
  ['IPv6', '2001:db8::5', '2400::1', '2400::1'],
  ['a single address', '192.0.2.1', '203.0.113.7', '203.0.113.7'],
])('a trusted proxy is believed: %s', (_, proxy, forwardedFor, address) => {
  expect(proxied(proxy, forwardedFor)).toBe(address);
});

test('of a chain each hop is believed only by a trusted one: what the client made up is not', () => {
  expect(proxied('10.0.0.1', '1.2.3.4, 203.0.113.7, 10.0.0.2')).toBe('203.0.113.7');
});

test('a chain of proxies alone ends at its first', () => {
  expect(proxied('10.0.0.1', '10.0.0.3, 10.0.0.2')).toBe('10.0.0.3');
});

test.each(['', 'unknown', '203.0.113.7:4711', '<script>', ','])(
  'where a proxy reports %j the address is its own',
  (forwardedFor) => {
    expect(proxied('10.0.0.1', forwardedFor)).toBe('10.0.0.1');
  },
);
