/** SPEC 3: Redis is started again with what it had written down; what it numbered last may be lost, so a new epoch begins. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { StreamId } from '@tickcast/protocol';
import { type TestClient, eventually, startRedis } from '@tickcast/testing';
import { type Cluster, forgetClusters, startCluster, takeSeat, visitEdge } from './support/cluster.ts';
import { agentStatus, alert, backtestProgress, marketData } from './support/frames.ts';

const LAST = 3;

interface Case {
  id: StreamId;
  frame: object;
  asked: object;
}

const CASES: Case[] = [
  { id: { channel: 'market_data', key: 'AOF' }, frame: marketData('AOF'), asked: { symbol: 'AOF' } },
  { id: { channel: 'agent_status', key: 'aof' }, frame: agentStatus('aof'), asked: { params: { agent_id: 'aof' } } },
  {
    id: { channel: 'backtest_progress', key: 'aof' },
    frame: backtestProgress('aof'),
    asked: { params: { backtest_id: 'aof' } },
  },
  { id: { channel: 'alerts', key: null }, frame: alert('aof'), asked: {} },
];

let cluster: Cluster;
/** The epoch that each channel had before. */
const epochs = new Map<string, unknown>();

beforeAll(async () => {
  cluster = await startCluster({ redis: await startRedis({ args: ['--appendonly', 'yes'] }) });
  for (const { id, frame } of CASES) {
    for (let seq = 1; seq <= LAST; seq++) await cluster.publisher.publish(id, JSON.stringify(frame));
    const [state] = await cluster.commands.hmget(cluster.names.streamKey(id), 'epoch');
    epochs.set(id.channel, state);
  }
  await cluster.redis.restart({ keepData: true });
  await eventually(() => cluster.commands.status === 'ready');
  // Admissions wait while the registry may still hear from nodes with older clients.
  await eventually(async () => (await takeSeat(cluster.edge(0), { sub: 'probe' })).client.close(), {
    withinMs: 20_000,
  });
}, 60_000);
afterAll(forgetClusters);

const pushes = (client: TestClient, channel: string) => client.received(channel).filter((frame) => !frame['snapshot']);

test.each(CASES)(
  'who subscribes to $id.channel afterwards stands in the old epoch until the first event of the new one',
  async (one) => {
    const { id, frame, asked } = one;
    const { channel, key } = id;
    const epoch = epochs.get(channel);
    const subscribe = { type: 'subscribe', channel, ...asked };
    const { client: optedIn } = await takeSeat(cluster.edge(0), { sub: 'opted-in' });
    const seedClient = await visitEdge(cluster.edge(0), { sub: 'seed' });
    seedClient.send(subscribe);
    seedClient.send({ type: 'ping' });
    expect(await optedIn.request(subscribe)).toMatchObject({ epoch, seq: LAST, recovered: false });
    const snapshot = { ...frame, seq: LAST, published_at: expect.any(Number), snapshot: true };
    const snapshots = channel === 'alerts' ? [] : [snapshot];
    await optedIn.request({ type: 'ping' });
    await seedClient.next('pong');
    await eventually(() => seedClient.received(channel).length === snapshots.length);
    for (const client of [optedIn, seedClient]) expect(client.received(channel)).toEqual(snapshots);

    expect(await cluster.publisher.publish(id, JSON.stringify(frame))).toBe(1);
    await eventually(() => [optedIn, seedClient].every((client) => pushes(client, channel).length > 0));
    expect(pushes(seedClient, channel)).toMatchObject([{ seq: 1, lost: null }]);
    expect(optedIn.received('gap')).toEqual([
      { type: 'gap', channel, key, epoch, from: LAST + 1, to: null, recoverable: false },
    ]);
    const [push] = pushes(optedIn, channel);
    expect(push).toMatchObject({ seq: 1 });
    expect(push).not.toHaveProperty('lost');
    expect(seedClient.received('gap')).toEqual([]);

    // From here on the new epoch is the stream's own, for those who come later too.
    const { client: late } = await takeSeat(cluster.edge(0), { sub: 'late' });
    const reply = await late.request(subscribe);
    expect(reply).toMatchObject({ epoch: expect.any(String), seq: 1 });
    expect(reply['epoch']).not.toBe(epoch);
    for (const client of [optedIn, seedClient, late]) await client.close();
  },
);
