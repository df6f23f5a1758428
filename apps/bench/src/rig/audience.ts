import type { ClientCount } from '../load-generator.ts';

/** Who listens to what. */
export interface Audience {
  clients: number;
  /** All of them; events are published to them in turn. */
  topics: readonly string[];
  topicsOf(client: number): readonly string[];
  /** Every so manyth client takes latencies. */
  sampleEvery: number;
}

/** What came, held against what was published. */
export interface Tally {
  delivered: number;
  /** What delivering every event to every client that wants it would be. */
  expected: number;
  /** Events of the clients that take latencies which neither came nor were said to be merged into later ones. */
  unaccounted: number;
  /** Of how many of them. */
  watched: number;
  /** Connections that ended, and why the first did. */
  ended: number;
  firstEnd: string | null;
}

const FIRST_SYMBOL = 1000;

export function symbolTopics(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `market_data:${FIRST_SYMBOL + n}.HK`);
}

/** Each client wants `each` topics, each topic is wanted equally often. */
export function evenAudience(clients: number, topics: readonly string[], each: number, sampleEvery: number): Audience {
  const topicsOf = (client: number) =>
    Array.from({ length: each }, (_, i) => topics[(client * each + i) % topics.length] ?? '');
  return { clients, topics, topicsOf, sampleEvery };
}

export function tally(audience: Audience, published: number, counts: readonly ClientCount[]): Tally {
  const { topics, topicsOf } = audience;
  const perTopic = new Map(
    topics.map((topic, i) => [topic, Math.floor(published / topics.length) + (i < published % topics.length ? 1 : 0)]),
  );
  const sum = { delivered: 0, expected: 0, unaccounted: 0, watched: 0 };
  for (const [client, { events, conflated }] of counts.entries()) {
    const expected = topicsOf(client).reduce((most, topic) => most + (perTopic.get(topic) ?? 0), 0);
    sum.delivered += events;
    sum.expected += expected;
    if (conflated === null) continue;
    sum.watched += expected;
    sum.unaccounted += Math.abs(expected - events - conflated);
  }
  const ends = counts.flatMap(({ ended }) => (ended === null ? [] : [ended]));
  return { ...sum, ended: ends.length, firstEnd: ends[0] ?? null };
}
