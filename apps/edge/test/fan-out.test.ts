/** SPEC 3: what reaches the clients of what was published, how often, and how it is counted. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { StreamId } from '@tickcast/protocol';
import { type Frame, type TestClient, eventually } from '@tickcast/testing';
import {
  breaks,
  eventsIn,
  isNumbered,
  mostInASecond,
  publishAtRate,
  pushesOf,
  watchOwnDelays,
} from './support/arrivals.ts';
import { type Cluster, forgetClusters, startCluster, takeSeat } from './support/cluster.ts';
import { agentStatus, alert, backtestProgress, marketData } from './support/frames.ts';

const PER_SECOND = 200;
const FOR_MS = 4000;
const ALERTS: StreamId = { channel: 'alerts', key: null };

let cluster: Cluster;
let subs = 0;

beforeAll(async () => {
  cluster = await startCluster({ edges: 2 });
}, 30_000);
afterAll(forgetClusters);

interface Source {
  name: string;
  symbol: string;
  /** How the event of that place is published. */
  isRaw: (index: number) => boolean;
}

test.concurrent.each<Source>([
  { name: 'FCALL', symbol: 'FCALL', isRaw: () => false },
  { name: 'PUBLISH', symbol: 'PUBLISH', isRaw: () => true },
  { name: 'FCALL and PUBLISH in turn', symbol: 'BOTH', isRaw: (index) => index % 2 === 1 },
  { name: 'FCALL, with one PUBLISH in ten', symbol: 'SOME', isRaw: (index) => index % 10 === 9 },
])(
  'market_data at 200 events/s by $name: at most 10 frames in any second, first and last delivered, every event accounted for',
  async ({ symbol, isRaw }) => {
    const client = await subscriber(0, { channel: 'market_data', symbol });
    const unseenMs = watchOwnDelays();
    const kinds = { raw: 0, numbered: 0 };
    const last: { raw?: number; numbered?: number } = {};
    await publishAtRate(PER_SECOND, FOR_MS, (index) => {
      const kind = isRaw(index) ? 'raw' : 'numbered';
      kinds[kind] += 1;
      last[kind] = index;
      const publish = kind === 'raw' ? cluster.publisher.publishRaw : cluster.publisher.publish;
      return publish({ channel: 'market_data', key: symbol }, JSON.stringify(marketData(symbol, index)));
    });
    const frames = () => pushesOf(client, 'market_data').map(({ frame }) => frame);
    await eventually(() => eventsIn(frames()) >= kinds.raw + kinds.numbered);

    expect(mostInASecond(pushesOf(client, 'market_data'), unseenMs())).toBeLessThanOrEqual(10);
    expect(frames().length).toBeGreaterThan(((FOR_MS - unseenMs()) / 1000) * 7);
    expect(price(frames()[0])).toBe(0);
    const numbered = frames().filter(isNumbered);
    const raw = frames().filter((frame) => !isNumbered(frame));
    expect({ raw: eventsIn(raw), numbered: eventsIn(numbered) }).toEqual(kinds);
    expect(breaks(numbered, 0)).toEqual([]);
    expect({ raw: price(raw.at(-1)), numbered: price(numbered.at(-1)) }).toEqual(last);
  },
  20_000,
);

test.concurrent(
  'late subscribers on any node see the last numbered event delivered there as a snapshot, and the next push continues it',
  async () => {
    const symbol = 'LATE';
    const watchers = await Promise.all([0, 1].map((edge) => subscriber(edge, { channel: 'market_data', symbol })));
    const unseenMs = watchOwnDelays();
    const late: Array<{ client: TestClient; edge: number }> = [];
    const joining: Array<Promise<unknown>> = [];
    await publishAtRate(PER_SECOND, FOR_MS, async (index) => {
      if (index % 67 === 60) {
        const edge = late.length % 2;
        joining.push(
          subscriber(edge, { channel: 'market_data', symbol }).then((client) => late.push({ client, edge })),
        );
      }
      // Frames outside numbering are no part of it.
      if (index % 5 === 0)
        await cluster.publisher.publishRaw({ channel: 'market_data', key: symbol }, quote(symbol, -1));
      await cluster.publisher.publish({ channel: 'market_data', key: symbol }, quote(symbol, index));
    });
    await Promise.all(joining);
    const published = (PER_SECOND * FOR_MS) / 1000;
    expect(late.length).toBeGreaterThan(8);
    for (const { client, edge } of late) {
      await eventually(() => client.received('market_data').some((frame) => frame['seq'] === published));
      const numbered = client.received('market_data').filter(isNumbered);
      const [snapshot, ...pushes] = numbered;
      expect(snapshot).toMatchObject({ snapshot: true });
      expect(breaks(pushes, Number(snapshot?.['seq']))).toEqual([]);
      const quotes = client.frames.filter(({ frame }) => frame.type === 'market_data');
      expect(mostInASecond(quotes, unseenMs())).toBeLessThanOrEqual(10);
      // A snapshot may be on its way before what others are sent of the same event.
      await eventually(() => expect(seqs(watchers[edge]?.received('market_data') ?? [])).toContain(snapshot?.['seq']));
    }
  },
);

test('two edges deliver every alert of a quick run, in order, with the same numbers and the same bytes', async () => {
  const clients = await Promise.all([0, 1, 0, 1].map((edge) => subscriber(edge, { channel: 'alerts' })));
  await Promise.all(
    Array.from({ length: 500 }, (_, index) =>
      cluster.publisher.publish(ALERTS, JSON.stringify(alert(`alert ${index}`))),
    ),
  );
  const texts = (client: TestClient) => pushesOf(client, 'alerts').map(({ text }) => text);
  for (const client of clients) {
    await eventually(() => texts(client).length >= 500);
    expect(texts(client)).toEqual(clients[0] ? texts(clients[0]) : []);
    expect(breaks(client.received('alerts'), 0)).toEqual([]);
    expect(client.received('alerts').filter((frame) => 'conflated' in frame)).toEqual([]);
  }
  const lateComer = await subscriber(0, { channel: 'alerts' });
  await cluster.publisher.publish(ALERTS, JSON.stringify(alert('after all')));
  expect(await lateComer.next('alerts')).toMatchObject({ seq: 501, data: { message: 'after all' } });
});

test("no change of an agent's status is merged away, and its last one is what a late subscriber sees", async () => {
  const id: StreamId = { channel: 'agent_status', key: 'agent-1' };
  const everyAgent = await subscriber(0, { channel: 'agent_status' });
  const oneAgent = await subscriber(1, { channel: 'agent_status', params: { agent_id: 'agent-1' } });
  const statuses = Array.from({ length: 200 }, (_, index) => `state-${index}`);
  await Promise.all(
    statuses.map((status) => cluster.publisher.publish(id, JSON.stringify(agentStatus('agent-1', status)))),
  );
  for (const client of [everyAgent, oneAgent]) {
    await eventually(() => pushesOf(client, 'agent_status').length >= statuses.length);
    expect(pushesOf(client, 'agent_status').map(({ frame }) => data(frame)['status'])).toEqual(statuses);
    expect(breaks(client.received('agent_status'), 0)).toEqual([]);
  }
  const late = await subscriber(1, { channel: 'agent_status' });
  expect(await late.next('agent_status')).toMatchObject({ snapshot: true, seq: 200, data: { status: 'state-199' } });
});

test('the terminal status of a backtest always arrives, whatever follows it, and stays as the snapshot', async () => {
  const id: StreamId = { channel: 'backtest_progress', key: 'bt_1' };
  const client = await subscriber(0, { channel: 'backtest_progress', params: { backtest_id: 'bt_1' } });
  const frames = Array.from({ length: 100 }, (_, index) => backtestProgress('bt_1', index / 100));
  frames.push(withStatus(backtestProgress('bt_1', 1), 'completed'));
  await Promise.all(frames.map((frame) => cluster.publisher.publish(id, JSON.stringify(frame))));
  await eventually(() => eventsIn(client.received('backtest_progress')) >= frames.length);
  expect(breaks(client.received('backtest_progress'), 0)).toEqual([]);
  expect(client.received('backtest_progress').at(-1)).toMatchObject({ seq: 101, data: { status: 'completed' } });
  for (const edge of [0, 1]) {
    const late = await subscriber(edge, { channel: 'backtest_progress' });
    expect(await late.next('backtest_progress')).toMatchObject({
      snapshot: true,
      seq: 101,
      data: { status: 'completed' },
    });
  }
});

async function subscriber(edge: number, subscription: Record<string, unknown>): Promise<TestClient> {
  const { client } = await takeSeat(cluster.edge(edge), { sub: `subscriber-${++subs}` });
  expect(await client.request({ type: 'subscribe', ...subscription })).toMatchObject({ type: 'subscribed' });
  return client;
}

function quote(symbol: string, value: number): string {
  return JSON.stringify(marketData(symbol, value));
}

function data(frame: Frame | undefined): Record<string, unknown> {
  return (frame?.['data'] ?? {}) as Record<string, unknown>;
}

function price(frame: Frame | undefined): unknown {
  return data(frame)['price'];
}

function seqs(frames: readonly Frame[]): unknown[] {
  return frames.map((frame) => frame['seq']);
}

function withStatus(frame: object, status: string): object {
  const { data: fields, ...rest } = frame as { data: object };
  return { ...rest, data: { ...fields, status } };
}
