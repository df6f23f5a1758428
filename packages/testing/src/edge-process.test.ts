import { expect, test } from '@jest/globals';
import { connectClient, mintToken, startEdge, startRedis } from './mod.ts';

test('edges start on free ports, are ready, seat a client and stop with code 0', async () => {
  const redis = await startRedis();
  const edges = await Promise.all([startEdge({ redisUrl: redis.url }), startEdge({ redisUrl: redis.url })]);
  for (const edge of edges) {
    expect(await edge.admin('/readyz')).toMatchObject({ status: 200 });
    const client = await connectClient(edge.url, { token: await mintToken() });
    expect(await client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    await client.close();
    expect(await edge.stop()).toEqual({ code: 0, signal: null });
  }
  await redis.stop();
});

test('an edge that refuses to start is told with its log', async () => {
  const redisUrl = 'redis://127.0.0.1:1';
  await expect(startEdge({ redisUrl, env: { TICKCAST_AUTH_SECRET: 'short' } })).rejects.toThrow(/at least 32 bytes/);
});

test('an edge that is not waited for may be unready', async () => {
  const edge = await startEdge({ redisUrl: 'redis://127.0.0.1:1', awaitReady: false });
  expect(edge.logs()).toEqual([]);
  await edge.kill();
  expect(await edge.exited).toEqual({ code: null, signal: 'SIGKILL' });
});
