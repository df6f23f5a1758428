/** What anybody may put into Redis costs the clients nothing: too much at once, in floods, and in the wrong place. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type EdgeProcess, type TestClient, eventually, startEdge, startFaultProxy } from '@tickcast/testing';
import { type Cluster, type Guest, forgetClusters, seatOf, startCluster, takeSeat } from './support/cluster.ts';
import { agentStatus, alert, marketData } from './support/frames.ts';
import { publishLarge } from './support/publish-large.ts';

const MIB = 1024 * 1024;
const ALERTS = { channel: 'alerts', key: null } as const;
const QUOTES = { channel: 'market_data', key: '0700.HK' } as const;

let cluster: Cluster;
let guests: Guest[];

beforeAll(async () => {
  const env = { TICKCAST_IDLE_TIMEOUT_SECONDS: '300' };
  cluster = await startCluster({ edges: 2, cap: 3, env });
  guests = [await takeSeat(cluster.edge(0), { sub: 'one' }), await takeSeat(cluster.edge(1), { sub: 'two' })];
  for (const { client } of guests) {
    for (const channel of ['alerts', 'agent_status', 'backtest_progress']) {
      await client.request({ type: 'subscribe', channel });
    }
    await client.request({ type: 'subscribe', channel: 'market_data', symbol: QUOTES.key });
  }
});
afterAll(forgetClusters);
afterEach(nobodyIsHarmed);

/** Whatever was done: the same processes, the same sockets, the same seats, and every alert and quote once. */
async function nobodyIsHarmed(): Promise<void> {
  const last = { alerts: await publishAlert(), market_data: await publishQuote() };
  for (const [index, { client, seat }] of guests.entries()) {
    for (const [channel, seq] of Object.entries(last)) {
      await eventually(() => client.received(channel).some((frame) => frame['seq'] === seq), { withinMs: 10_000 });
      expect(missed(client, channel)).toEqual([]);
    }
    expect(await seatOf(client)).toBe(seat);
    expect(client.received(({ type }) => ['gap', 'error'].includes(type))).toEqual([]);
    expect((await cluster.edge(index).admin('/readyz')).status).toBe(200);
  }
  expect(await cluster.seats()).toBe(guests.length);
}

const publishAlert = () => cluster.publisher.publish(ALERTS, JSON.stringify(alert('good')));
const publishQuote = () => cluster.publisher.publish(QUOTES, JSON.stringify(marketData(QUOTES.key)));
const pubsubChannel = (id: typeof ALERTS | typeof QUOTES) => cluster.names.pubsubChannel(id.channel, id.key);

/** Numbers between the first push and the last that neither came nor were merged into another. */
function missed(client: TestClient, channel: string): number[] {
  const pushes = client.received((frame) => frame.type === channel && frame['snapshot'] !== true && 'seq' in frame);
  let last = Number(pushes[0]?.['seq']) - 1;
  return pushes.flatMap((push) => {
    const expected = last + 1;
    last = Number(push['seq']);
    return last - Number(push['conflated'] ?? 0) === expected ? [] : [expected];
  });
}

async function refused(edge: EdgeProcess): Promise<number> {
  const { body } = await edge.admin('/metrics');
  const counts = body.matchAll(/^tickcast_events_refused_total\{.*?\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

test.each([
  ['that of alerts', () => pubsubChannel(ALERTS)],
  ['that of a quote', () => pubsubChannel(QUOTES)],
  ['the one on which nodes tell each other of seats', () => cluster.names.seats.takenChannel],
])(
  '64 MB on a channel, %s, at which Redis cuts off every node: they are back by themselves and nothing is missed',
  async (_, channel) => {
    const before = guests.map(({ client }) => client.frames.length);
    await publishAlert();
    await publishQuote();
    // Published on the heels of it: the nodes are being cut off.
    await Promise.all([publishLarge(cluster.redis.url, channel(), 64 * MIB), publishAlert(), publishQuote()]);
    for (const [index, { client }] of guests.entries()) {
      const states = () =>
        client.frames.slice(before[index]).flatMap(({ frame }) => (frame.type === 'status' ? [frame['state']] : []));
      await eventually(() => states().at(-1) === 'restored', { withinMs: 10_000 });
      expect(states()).toEqual(['degraded', 'restored']);
    }
  },
);

test('64 MB that Redis does pass on are dropped and counted by the nodes, and hold nobody up', async () => {
  await cluster.commands.config('SET', 'client-output-buffer-limit', 'pubsub 0 0 0');
  const statuses = guests.map(({ client }) => client.received('status').length);
  const before = await Promise.all(cluster.edges.map(refused));
  const channels = [pubsubChannel(ALERTS), pubsubChannel(QUOTES), cluster.names.seats.takenChannel];
  for (const channel of channels) await publishLarge(cluster.redis.url, channel, 64 * MIB);
  for (const { client } of guests) await client.request({ type: 'ping' });
  await eventually(async () => {
    const now = await Promise.all(cluster.edges.map(refused));
    // What comes on the channel of seats is no event.
    return now.every((count, index) => count - (before[index] ?? 0) === 2);
  });
  expect(guests.map(({ client }) => client.received('status').length)).toEqual(statuses);
  await cluster.commands.config('SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
});

test('a flood of bad frames beside good events is dropped and counted to the last one, logged once a second', async () => {
  const good = marketData(QUOTES.key);
  const kinds = [
    'not json',
    '[]',
    JSON.stringify({ ...good, type: 'orders' }),
    JSON.stringify(marketData('0005.HK')),
    `T1 5 1701234567000000-abcdef 1.5 1 *\nnot json`,
    'x'.repeat(70_000),
    Buffer.from([0xff, 0xfe, 0x00, 0x7b]),
  ];
  const before = await Promise.all(cluster.edges.map(refused));
  const startedAt = performance.now();
  const rounds = 40;
  const each = 50;
  for (let round = 0; round < rounds; round++) {
    const poison = Array.from({ length: each }, (_, index) =>
      cluster.commands.publish(pubsubChannel(index % 2 === 0 ? ALERTS : QUOTES), kinds[index % kinds.length] ?? ''),
    );
    await Promise.all([...poison, publishAlert(), publishQuote()]);
  }
  await eventually(async () => {
    const now = await Promise.all(cluster.edges.map(refused));
    expect(now.map((count, index) => count - (before[index] ?? 0))).toEqual(cluster.edges.map(() => rounds * each));
  });
  const seconds = Math.ceil((performance.now() - startedAt) / 1000);
  for (const edge of cluster.edges) {
    const lines = edge.logs().filter((line) => line.includes('dropped a bad frame'));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(seconds + 10);
  }
});

test('what comes on the channel of seats and is no take-over costs nobody a seat', async () => {
  const { seats } = cluster.names;
  const [{ seat }] = guests as [Guest];
  const nonsense = [
    '',
    '{}',
    seat,
    `${seat} `,
    `${seat} 0 node`,
    `${seat} -1 node`,
    `${seat} x node`,
    `=${seat}`,
    `=${seat} 99 99999`,
    'nobody 99 node',
    'x'.repeat(100_000),
  ];
  for (const message of nonsense) {
    expect(await cluster.commands.publish(seats.takenChannel, message)).toBe(cluster.edges.length);
  }
  await cluster.commands.publish(seats.takenChannel, Buffer.from([0xff, 0xfe, 0x20, 0x31, 0x20, 0x00]));
});

const WRONG_KEYS = [
  { id: { channel: 'market_data', key: 'BAD.HK' }, asked: { symbol: 'BAD.HK' } },
  { id: { channel: 'agent_status', key: 'bad' }, asked: { params: { agent_id: 'bad' } } },
] as const;

test.each(WRONG_KEYS)(
  'a stream of $id.channel whose key in Redis is no hash is refused, and is well again once the key is gone',
  async ({ id, asked }) => {
    const { client } = await takeSeat(cluster.edge(0), { sub: 'three' });
    const key = cluster.names.streamKey(id);
    await cluster.commands.set(key, 'not a hash');
    const subscribe = { type: 'subscribe', channel: id.channel, ...asked };
    expect(await client.request(subscribe)).toMatchObject({ error: 'backplane_unavailable' });
    await cluster.commands.del(key);
    expect(await client.request(subscribe)).toMatchObject({ type: 'subscribed', seq: 0 });
    await client.close();
    await eventually(async () => (await cluster.seats()) === guests.length);
  },
);

test.concurrent.each(WRONG_KEYS)(
  'a stream of $id.channel whose key was overwritten keeps no other from being healed: a last event that got lost comes all the same',
  async ({ id, asked }) => {
    const other = await startCluster({ redis: cluster.redis });
    const proxy = await startFaultProxy(cluster.redis.port, { protocol: 'resp' });
    const edge = await startEdge({
      redisUrl: `redis://127.0.0.1:${proxy.port}`,
      env: { TICKCAST_REDIS_PREFIX: other.prefix },
    });
    const { client } = await takeSeat(edge);
    const good = JSON.stringify(marketData('0700.HK'));
    await other.publisher.publish(
      id,
      JSON.stringify(id.channel === 'market_data' ? marketData(id.key) : agentStatus(id.key)),
    );
    await client.request({ type: 'subscribe', channel: id.channel, ...asked });
    await client.request({ type: 'subscribe', channel: 'market_data', symbol: '0700.HK' });
    await other.commands.set(other.names.streamKey(id), 'not a hash');
    proxy.dropMessages((channel) => channel === other.names.pubsubChannel('market_data', '0700.HK'));
    const seq = await other.publisher.publish(QUOTES, good);
    expect(await client.next((frame) => frame['symbol'] === '0700.HK' && frame['seq'] === seq, 10_000)).toMatchObject(
      marketData('0700.HK'),
    );
    expect(proxy.dropped).toBe(1);
    proxy.close();
  },
);

test('one agent whose key was overwritten keeps nobody from following all the others', async () => {
  const other = await startCluster({ redis: cluster.redis });
  for (const agent of ['bad', 'good']) {
    await other.publisher.publish({ channel: 'agent_status', key: agent }, JSON.stringify(agentStatus(agent)));
  }
  await other.commands.set(other.names.streamKey({ channel: 'agent_status', key: 'bad' }), 'not a hash');
  const { client } = await takeSeat(other.edge(0));
  expect(await client.request({ type: 'subscribe', channel: 'agent_status' })).toMatchObject({ type: 'subscribed' });
  expect(await client.next('agent_status')).toMatchObject({ ...agentStatus('good'), snapshot: true });
});
