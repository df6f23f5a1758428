/** Whom the edges take a client for: what the balancer says, and of what others say only what it has reason to believe. */
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { beforeAll, expect, test } from '@jest/globals';
import { type ProcessFleet, eventually, startProcessFleet } from '@tickcast/testing';

/** All of 127.0.0.0/8 is this machine. */
const STRANGER = '127.0.0.9';
const OTHER_BALANCER = '127.0.0.8';

let fleet: ProcessFleet;

beforeAll(async () => {
  fleet = await startProcessFleet({
    edges: 1,
    balancerEnv: { TICKCAST_TRUSTED_NETWORKS: `192.0.2.0/24 ${OTHER_BALANCER}/32` },
  });
});

/** The address that the edge has for a client that comes from one, with these headers, each value in a line of its own. */
async function addressFor(sub: string, localAddress: string, headers: Record<string, string[]> = {}): Promise<string> {
  const handshake = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    Authorization: `Bearer ${await fleet.mintToken(sub)}`,
  };
  const url = fleet.url.replace('ws:', 'http:');
  const upgrading = request(url, { localAddress, headers: { ...handshake, ...headers } }).end();
  const [, socket] = (await once(upgrading, 'upgrade')) as [unknown, Socket];
  const remote = await eventually(async () => {
    const { connections } = JSON.parse((await fleet.edge('edge-1').admin('/connz')).body) as {
      connections: { sub: string; remote: string }[];
    };
    const own = connections.find((connection) => connection.sub === sub);
    if (!own) throw new Error(`the edge does not know of ${sub}`);
    return own.remote;
  });
  socket.destroy();
  return remote;
}

test('a client is known by the address that it comes from', async () => {
  expect(await addressFor('plain', STRANGER)).toBe(STRANGER);
});

test('what a client says of itself in X-Forwarded-For is not believed, however often it says so', async () => {
  const said = { 'X-Forwarded-For': ['203.0.113.7'] };
  expect(await addressFor('once', STRANGER, said)).toBe(STRANGER);
  const often = { 'X-Forwarded-For': ['203.0.113.7', '127.0.0.1, 203.0.113.8'], Forwarded: ['for=203.0.113.9'] };
  expect(await addressFor('often', STRANGER, often)).toBe(STRANGER);
});

test('of a balancer in a trusted network the last address in X-Forwarded-For is believed, not those before it', async () => {
  const headers = { 'X-Forwarded-For': ['203.0.113.7', '203.0.113.8, 198.51.100.4'] };
  expect(await addressFor('behind', OTHER_BALANCER, headers)).toBe('198.51.100.4');
});

test('a client in a trusted network that is no balancer is known by its own address', async () => {
  expect(await addressFor('beside', OTHER_BALANCER)).toBe(OTHER_BALANCER);
});
