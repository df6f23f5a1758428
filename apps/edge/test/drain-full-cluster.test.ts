/** SPEC 7: nodes of a full cluster go, and nobody loses a place or an alert. */
import { afterAll, expect, test } from '@jest/globals';
import {
  type Bustle,
  type EdgeProcess,
  type Roamer,
  eventually,
  mintToken,
  quiet,
  recallRoamers,
  sendRoamer,
  startBustle,
  startEdge,
} from '@tickcast/testing';
import { watchOwnDelays } from './support/arrivals.ts';
import { type Cluster, forgetClusters, startCluster } from './support/cluster.ts';

const CAP = 1000;
/** The default. */
const DRAIN_SECONDS = 30;
/** What an operator gives a node with that drain. */
const GRACE_MS = 45_000;
const LOG = { TICKCAST_LOG_LEVEL: 'warn' };

afterAll(async () => {
  await quiet();
  await recallRoamers();
  forgetClusters();
});

test.concurrent(
  'a node of a full cluster drains: its closes are spread, its clients keep their seats, each gets every alert once, newcomers get nothing',
  async () => {
    const cluster = await startCluster({ edges: 3, cap: CAP, env: LOG });
    const [drained, ...others] = cluster.edges as [EdgeProcess, EdgeProcess, EdgeProcess];
    const leaving = await sendRoamers(CAP / 2, (index, stay) => (stay === 0 ? drained : at(others, index + stay)));
    const staying = await sendRoamers(CAP / 2, (index) => at(others, index));
    expect(await cluster.seats()).toBe(CAP);
    const bustle = await startBustleAt(cluster, () => others);

    const unseenMs = watchOwnDelays();
    const signalledAt = performance.now();
    expect(await drained.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - signalledAt).toBeLessThan(GRACE_MS);
    await eventually(() => leaving.every(isSeated));
    const { published, ...around } = await bustle.end();
    expect(around).toEqual({ knocks: expect.any(Number), admitted: 0, mostSeats: CAP });
    expect(around.knocks).toBeGreaterThan(100);

    for (const { closes, notices } of leaving) {
      expect(closes.map(({ code }) => code)).toEqual([1012]);
      expect(notices).toEqual([
        { type: 'status', state: 'draining' },
        { type: 'error', error: 'draining', detail: expect.any(String) },
      ]);
    }
    for (const { closes, notices } of staying) expect([...closes, ...notices]).toEqual([]);
    // While this process was busy closes came that it saw together.
    const unseenPart = unseenMs() / 1000 / DRAIN_SECONDS;
    expect(mostInASecond(leaving) / leaving.length).toBeLessThanOrEqual(0.05 + unseenPart);
    await expectNothingLost([...leaving, ...staying], published);
    expect(await cluster.seats()).toBe(CAP);
  },
  120_000,
);

test.concurrent(
  'a full cluster is rolled, one node after the other: every client keeps its seat and gets every alert once',
  async () => {
    const env = { ...LOG, TICKCAST_DRAIN_SECONDS: '5' };
    const cluster = await startCluster({ edges: 3, cap: CAP, env });
    const edges = [...cluster.edges];
    const roamers = await sendRoamers(CAP, (index, stay) => at(edges, index + stay));
    const bustle = await startBustleAt(cluster, () => edges);

    const newer = { ...env, TICKCAST_REDIS_PREFIX: cluster.prefix, TICKCAST_MAX_CONNECTIONS: String(CAP) };
    for (const old of cluster.edges) {
      edges.splice(edges.indexOf(old), 1);
      expect(await old.stop()).toEqual({ code: 0, signal: null });
      edges.push(await startEdge({ redisUrl: cluster.redis.url, env: newer }));
    }
    await eventually(() => roamers.every(isSeated));
    const { published, ...around } = await bustle.end();
    expect(around).toEqual({ knocks: expect.any(Number), admitted: 0, mostSeats: CAP });

    for (const { closes } of roamers) {
      expect(closes.length).toBeGreaterThan(0);
      expect(closes.filter(({ code }) => code !== 1012)).toEqual([]);
    }
    await expectNothingLost(roamers, published);
    expect(await cluster.seats()).toBe(CAP);
  },
  120_000,
);

async function startBustleAt({ redis, prefix }: Cluster, nodes: () => readonly EdgeProcess[]): Promise<Bustle> {
  const token = await mintToken({ sub: 'newcomer' });
  return startBustle({ redisUrl: redis.url, prefix, token, doors: () => nodes().map(({ url }) => url) });
}

async function sendRoamers(
  count: number,
  nodeOf: (index: number, stay: number) => EdgeProcess,
): Promise<readonly Roamer[]> {
  const tokens = await Promise.all(Array.from({ length: 100 }, (_, index) => mintToken({ sub: `trader-${index}` })));
  const send = (_: unknown, index: number) => sendRoamer(at(tokens, index), (stay) => nodeOf(index, stay).url);
  return Promise.all(Array.from({ length: count }, send));
}

/** Everybody is where it was, as the others see it: in the same seat, and with every alert once and in order. */
async function expectNothingLost(roamers: readonly Roamer[], published: number): Promise<void> {
  const all = Array.from({ length: published }, (_, index) => index + 1);
  await eventually(() => roamers.every(({ alerts }) => alerts.at(-1) === published));
  for (const { alerts, seats, refusals } of roamers) {
    expect(alerts).toEqual(all);
    expect(new Set(seats).size).toBe(1);
    expect(refusals).toEqual([]);
  }
  expect(new Set(roamers.map(({ seats }) => seats[0])).size).toBe(roamers.length);
}

const isSeated = ({ seats, closes }: Roamer) => seats.length === closes.length + 1;

/** The most closes within any second, wherever it begins. */
function mostInASecond(roamers: readonly Roamer[]): number {
  const times = roamers.flatMap(({ closes }) => closes.map((close) => close.at));
  return Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + 1000).length));
}

/** Round and round. */
function at<Item>(items: readonly Item[], index: number): Item {
  return items[index % items.length] as Item;
}
