import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type EdgeProcess, type RedisServer, mintToken, startEdge, startRedis } from '@tickcast/testing';
import { connect } from 'node:net';

let redis: RedisServer;
let edge: EdgeProcess;

beforeAll(async () => {
  redis = await startRedis();
  edge = await startEdge({ redisUrl: redis.url });
});

afterAll(async () => {
  await edge.stop();
  await redis.stop();
});

/** Sends a handshake in segments of the size that a network carries, and answers the status line. */
async function handshakeInSegments(token: string): Promise<string> {
  const request = Buffer.from(
    `GET /api/v1/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  const socket = connect(edge.port, '127.0.0.1').setNoDelay();
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('data', (data) => resolve(data.toString('latin1').split('\r\n')[0] ?? ''));
    socket.once('error', reject);
  });
  for (let start = 0; start < request.length; start += 1400) {
    // Each in a turn of its own, so that they are not sent as one.
    await new Promise<void>((resolve, reject) => {
      socket.write(request.subarray(start, start + 1400), (error) => (error ? reject(error) : setTimeout(resolve, 5)));
    });
  }
  try {
    return await answer;
  } finally {
    socket.destroy();
  }
}

test('a token of 10 KiB that comes in several segments is heard', async () => {
  const token = await mintToken({ claims: { groups: 'x'.repeat(7500) } });
  expect(token.length).toBeGreaterThan(10_000);
  expect(await handshakeInSegments(token)).toBe('HTTP/1.1 101 Switching Protocols');
});
