import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Arrival, type Member, eventually, joinCrowd, mintToken } from '@tickcast/testing';
import { type Cluster, forgetClusters, startCluster } from './support/cluster.ts';

const EDGES = 8;
const CONNECTS_AN_EDGE = 500;
const CAP = 1000;
const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);
const JITTER_MS = 150;

let cluster: Cluster;
let tokens: string[];

beforeAll(async () => {
  cluster = await startCluster({ edges: EDGES, env: { TICKCAST_LOG_LEVEL: 'warn' } });
  tokens = await Promise.all(Array.from({ length: 100 }, (_, index) => mintToken({ sub: `trader-${index}` })));
}, 60_000);

afterAll(forgetClusters);

test.each(SEEDS)(
  '4000 clients connecting to 8 edges at once get exactly 1000 seats, and every other is refused explicitly (seed %i)',
  async (seed) => {
    const random = randomFrom(seed);
    const order = shuffled(
      Array.from({ length: EDGES * CONNECTS_AN_EDGE }, (_, index) => index % EDGES),
      random,
    );
    const crowd = await Promise.all(
      order.map((edge, index) => arrive(edge, tokens[index % tokens.length] ?? '', random)),
    );
    const arrivals = await Promise.all(crowd.map(({ arrival }) => arrival));

    // Nobody leaves while the others come, so what the registry holds now is the most it ever held.
    const seats = await cluster.seats();
    await Promise.all(crowd.map((member) => member.leave()));
    await eventually(async () => (await cluster.seats()) === 0, { withinMs: 20_000 });

    expect(countBy(arrivals.map(describe))).toEqual({
      seated: CAP,
      'refused explicitly': EDGES * CONNECTS_AN_EDGE - CAP,
    });
    expect(seats).toBe(CAP);
  },
  30_000,
);

async function arrive(edge: number, token: string, random: () => number): Promise<Member> {
  await new Promise((resolve) => setTimeout(resolve, random() * JITTER_MS));
  return joinCrowd(cluster.edge(edge).url, token);
}

/** What a refusal is worth to its client: a reason and a time to come back. */
function describe(arrival: Arrival): string {
  if (arrival.outcome === 'seated') return 'seated';
  if (arrival.outcome === 'refused') {
    return arrival.status === 503 && /\nretry-after: [1-9]\d*(\r|$)/.test(arrival.headers)
      ? 'refused explicitly'
      : `refused with ${arrival.headers}`;
  }
  const { code, frames } = arrival;
  const [error] = frames;
  const explicit =
    code === 1013 &&
    frames.length === 1 &&
    error?.['error'] === 'connection_limit_exceeded' &&
    Number(error['retry_after_ms']) > 0;
  return explicit ? 'refused explicitly' : `closed ${code} after ${JSON.stringify(frames)}`;
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** Mulberry32: the same numbers for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const deck = items.map((item) => ({ item, at: random() }));
  return deck.sort((left, right) => left.at - right.at).map(({ item }) => item);
}
