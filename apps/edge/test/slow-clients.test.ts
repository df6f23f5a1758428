/** SPEC 4: a client too slow for a lossless stream is told so and ended, and nobody else notices. */
import { afterAll, expect, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import { breaks } from './support/arrivals.ts';
import { forgetClusters, startCluster, takeSeat } from './support/cluster.ts';
import { overflow } from './support/slow-reader.ts';

afterAll(forgetClusters);

test('a client that leaves more unread than it may is told slow_consumer and closed 4410, with no hole in what it got', async () => {
  const cluster = await startCluster({ env: { TICKCAST_MAX_BUFFERED_BYTES: '262144' } });
  const slow = await takeSeat(cluster.edge(0), { sub: 'slow' });
  const quick = await takeSeat(cluster.edge(0), { sub: 'quick' });
  await quick.client.request({ type: 'subscribe', channel: 'alerts' });
  await overflow(slow.client, cluster.edge(0), cluster.publisher);

  expect(await slow.client.closed).toMatchObject({ code: 4410 });
  expect(slow.client.frames.at(-1)?.frame).toMatchObject({ type: 'error', error: 'slow_consumer' });
  const got = slow.client.received('alerts');
  expect(got.length).toBeGreaterThan(0);
  expect(breaks(got, 0)).toEqual([]);

  const last = await cluster.publisher.publish(
    { channel: 'alerts', key: null },
    JSON.stringify({
      type: 'alerts',
      data: { level: 'info', message: 'the last', timestamp: 1, source: 'test' },
    }),
  );
  await eventually(() => quick.client.received('alerts').length === last);
  expect(breaks(quick.client.received('alerts'), 0)).toEqual([]);
  expect(await quick.client.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
  // It comes back to its seat, and `since` tells where it was.
  const back = await takeSeat(cluster.edge(0), { sub: 'slow', seat: slow.seat });
  expect(back.seat).toBe(slow.seat);
}, 60_000);
