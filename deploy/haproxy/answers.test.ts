/** What clients are answered through the balancer. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { beforeAll, expect, test } from '@jest/globals';
import {
  type ProcessFleet,
  connectClient,
  eventually,
  expectHandshakeRefused,
  mintToken,
  startProcessFleet,
} from '@tickcast/testing';

let fleet: ProcessFleet;

beforeAll(async () => {
  fleet = await startProcessFleet({ edges: 1, cap: 2, env: { TICKCAST_AUTH_QUERY_TOKEN: 'on' } });
});

const overHttp = async (path: string) => {
  const response = await fetch(new URL(path, fleet.url.replace('ws:', 'http:')));
  return { status: response.status, body: (await response.json()) as unknown };
};

test('without an upgrade an edge answers 426, and 404 where there is nothing, in JSON', async () => {
  expect(await overHttp('/api/v1/websocket')).toMatchObject({ status: 426, body: { error: 'upgrade_required' } });
  expect(await overHttp('/metrics')).toMatchObject({ status: 404, body: { error: 'not_found' } });
});

test('a token of 10 KiB passes', async () => {
  const token = await mintToken({ claims: { groups: 'x'.repeat(7500) } });
  expect(token.length).toBeGreaterThan(10_000);
  const client = await connectClient(fleet.url, { token });
  expect(await client.request({ type: 'list' })).toMatchObject({ type: 'subscriptions' });
  await client.close();
});

test('by TLS a client is served as in clear, with its token in a header or in the subprotocols as a browser has it', async () => {
  const { wssUrl, certificate } = fleet.balancer;
  const ca = readFileSync(certificate, 'utf8');
  for (const via of ['header', 'subprotocol'] as const) {
    const client = await connectClient(wssUrl, { token: await mintToken(), via, ca });
    expect(client.socket.protocol).toBe(via === 'header' ? '' : 'Authorization');
    expect(await client.request({ type: 'subscribe', channel: 'alerts' })).toMatchObject({ type: 'subscribed' });
    await client.close();
  }
  await expect(connectClient(wssUrl, { token: await mintToken() })).rejects.toThrow(/self-signed certificate/);
});

test('HTTP/2 is not spoken on the plain port either', async () => {
  const session = connectHttp2(fleet.url.replace('ws:', 'http:'));
  await expect(once(session, 'remoteSettings')).rejects.toMatchObject({ code: 'ERR_HTTP2_ERROR' });
  session.destroy();
});

test('a handshake that comes too slowly is given up', async () => {
  const { hostname, port } = new URL(fleet.url);
  const socket = connect(Number(port), hostname);
  socket.write('GET /api/v1/websocket HTTP/1.1\r\nHost: localhost\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
});

test('the log of the balancer tells of every socket, and of no token and no seat', async () => {
  const token = await mintToken();
  const client = await connectClient(fleet.url, { token, via: 'query', query: { seat: 'a-seat-id' } });
  await client.close();
  await eventually(() => fleet.balancer.logs().some((line) => line.includes('GET /api/v1/websocket 101')));
  const log = fleet.balancer.logs().join('\n');
  expect(log).not.toContain(token);
  expect(log).not.toContain('a-seat-id');
});

test('what a full cluster answers comes through as it is: 503, when to try again, and why', async () => {
  // Those of the tests before are given back after their clients have left.
  await eventually(async () => (await fleet.redis.cli('ZCARD', 'tickcast:{seats}')) === '0');
  const guests = await Promise.all([1, 2].map(async () => connectClient(fleet.url, { token: await mintToken() })));
  // An edge knows after half a second.
  const refused = await eventually(async () => expectHandshakeRefused(fleet.url, { token: await mintToken() }));
  expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
  expect(JSON.parse(refused.body)).toMatchObject({
    type: 'error',
    error: 'connection_limit_exceeded',
    retry_after_ms: 2000,
  });
  await Promise.all(guests.map((guest) => guest.close()));
});

test('with no edge there a client is told when to try again, operators that nobody is served, and both better once there is one', async () => {
  const empty = await startProcessFleet({ edges: 0 });
  const options = { token: await mintToken() };
  const refused = await expectHandshakeRefused(empty.url, options);
  expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect(JSON.parse(refused.body)).toMatchObject({
    type: 'error',
    error: 'backplane_unavailable',
    retry_after_ms: 1000,
  });
  expect((await empty.balancer.admin('/healthz')).status).toBe(503);

  await empty.add();
  const client = await connectClient(empty.url, options);
  expect(await client.request({ type: 'list' })).toMatchObject({ type: 'subscriptions' });
  expect((await empty.balancer.admin('/healthz')).status).toBe(200);
  await client.close();
  await empty.stop();
});
