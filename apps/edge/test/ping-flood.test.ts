/** SPEC 5: pings of the WebSocket protocol cost no budget, but a flood of them is one like any other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TestClient } from '@tickcast/testing';
import { caughtUp } from './support/burst.ts';
import { type Cluster, forgetClusters, startCluster, takeSeat } from './support/cluster.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
}, 30_000);
afterAll(forgetClusters);

/**
 * Sends WebSocket pings at that rate until the time is over or the connection is.
 * @returns since when without a pause of the machine's, behind which the server counts from the beginning
 */
async function flood({ socket }: TestClient, perSecond: number, forMs: number): Promise<number> {
  const startedAt = performance.now();
  let steadySince = startedAt;
  let lastAt = startedAt;
  let sent = 0;
  while (performance.now() - startedAt < forMs && socket.readyState === socket.OPEN) {
    if (performance.now() - lastAt > 250) steadySince = performance.now();
    lastAt = performance.now();
    const due = ((performance.now() - startedAt) / 1000) * perSecond;
    for (; sent < due && socket.readyState === socket.OPEN; sent++) socket.ping();
    await sleep(20);
  }
  return steadySince;
}

test.concurrent('more than 3 times the message rate in WebSocket pings for 5 s is closed with 4429', async () => {
  // What it says to get its seat may be the beginning of the first second.
  const startedAt = performance.now();
  const { client } = await takeSeat(cluster.edge(0), { sub: 'ping-flooder' });
  const steadySince = await flood(client, 600, 20_000);
  const { code, at } = await client.closed;
  expect(code).toBe(4429);
  expect(at - startedAt).toBeGreaterThan(5000);
  expect(at - steadySince).toBeLessThan(9000);
  expect(client.received('error')).toMatchObject([{ error: 'rate_limited' }]);
});

test.concurrent(
  'a client that pings now and then, or even 200 times a second, stays and loses none of its budget',
  async () => {
    const { client } = await takeSeat(cluster.edge(0), { sub: 'pinger' });
    const { client: eager } = await takeSeat(cluster.edge(0), { sub: 'eager-pinger' });
    await Promise.all([flood(client, 5, 8000), flood(eager, 200, 8000)]);
    for (const each of [client, eager]) {
      for (let index = 0; index < 90; index++) each.send({ type: 'ping', id: index });
      await caughtUp(each);
      expect(each.received('pong')).toHaveLength(90);
      expect(each.received('error')).toEqual([]);
    }
  },
);
