/** What autoscalers go by: the bytes that a node sends. */
import { afterAll, expect, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import { forgetClusters, startCluster, visitEdge } from './support/cluster.ts';
import { alert } from './support/frames.ts';

afterAll(forgetClusters);

test('tickcast_egress_bytes_total counts every frame, replies and fan-out, once for each client that gets it', async () => {
  const { edge, publisher } = await startCluster();
  const clients = await Promise.all(['a', 'b', 'c'].map((sub) => visitEdge(edge(0), { sub })));
  for (const client of clients) await client.request({ type: 'subscribe', channel: 'alerts' });
  for (let n = 0; n < 20; n++) {
    await publisher.publish({ channel: 'alerts', key: null }, JSON.stringify(alert(`内存使用率超过80% ${n}`)));
  }
  await eventually(() => clients.every((client) => client.received('alerts').length === 20));

  const received = clients.flatMap(({ frames }) => frames).map(({ text }) => Buffer.byteLength(text));
  expect(received).toHaveLength(3 * 21);
  const { body } = await edge(0).admin('/metrics');
  const counted = /^tickcast_egress_bytes_total (\d+)$/m.exec(body)?.[1];
  expect(Number(counted)).toBe(received.reduce((sum, bytes) => sum + bytes));
});
