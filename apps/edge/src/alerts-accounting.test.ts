/** Whatever happens to Redis, its messages, nodes and clients: of alerts each client gets all, in order, once, or is told. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Since } from '@tickcast/protocol';
import * as fc from 'fast-check';
import { AccountedClient, CoreNode } from '../test/support/core-node.ts';
import { RedisModel } from '../test/support/redis-model.ts';

const ALERTS = { channel: 'alerts', key: null } as const;
const CLIENTS = 3;
const RUNS = 300;
const SEED = 1;
/** A replay may have to go through many pages, a feed be read again after a time, a lost last event be noticed. */
const CALM_MS = 20_000;
/** What is lost within moments: a message, a node's reading of it and all of Redis, nobody could put in order. */
const SETTLED_MS = 8000;

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

const client = fc.nat(CLIENTS - 1);
const node = fc.nat(1);
/** Nodes that a message does not come to. */
const lostTo = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 2, arbitrary: fc.subarray([0, 1], { minLength: 1 }) },
);
const since = fc.oneof(fc.constant('own' as const), fc.constant(null), fc.nat(12));

const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('publish' as const), lostTo }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.oneof(fc.nat(40), fc.nat(4000)) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('subscribe' as const), client, since }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('connect' as const), client, node, since }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), client }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall' as const), client }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('read' as const), client }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), node }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reconnect' as const), node }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), node, isFailing: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const), kept: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'flushAll' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly redis: RedisModel;
  readonly nodes: CoreNode[];
  readonly clients: AccountedClient[];

  constructor(delays: readonly number[]) {
    this.redis = new RedisModel(delays);
    this.nodes = [0, 1].map(() => new CoreNode(this.redis, 4000));
    this.clients = Array.from({ length: CLIENTS }, (_, index) => new AccountedClient(this.redis, index !== 0));
    for (const [index, one] of this.clients.entries()) one.connect(this.#node(index % 2));
  }

  async run(script: readonly Step[]): Promise<void> {
    for (const one of script) {
      await this.#step(one);
      await jest.advanceTimersByTimeAsync(0);
    }
    for (const { link } of this.nodes) {
      link.isFailing = false;
      link.reconnect();
    }
    for (const one of this.clients) one.read();
    await jest.advanceTimersByTimeAsync(CALM_MS);
  }

  /** Whether these clients have got as far as Redis has. */
  check(clients: readonly AccountedClient[]): void {
    const state = this.redis.states.get('alerts');
    for (const one of clients) {
      const { account } = one;
      if (account.problem) throw account.problem;
      const at = account.standings.get('alerts');
      if (!at?.isExact || !one.covers('alerts') || !state || state.seq === 0) continue;
      expect([at.epoch, at.seq]).toEqual([state.epoch, state.seq]);
    }
  }

  stop(): void {
    for (const one of this.nodes) one.stop();
  }

  async #step(one: Step): Promise<void> {
    const { redis } = this;
    switch (one.do) {
      case 'publish':
        redis.publish(ALERTS, `alert ${redis.published.length}`, one.lostTo);
        return;
      case 'pass':
        await jest.advanceTimersByTimeAsync(one.ms);
        return;
      case 'subscribe':
        this.#subscribe(this.#client(one.client), one.since);
        return;
      case 'connect': {
        const returning = this.#client(one.client);
        returning.connect(this.#node(one.node));
        this.#subscribe(returning, one.since);
        return;
      }
      case 'unsubscribe':
        this.#client(one.client).unsubscribe('alerts', null);
        return;
      case 'stall':
        this.#client(one.client).stall();
        return;
      case 'read':
        this.#client(one.client).read();
        return;
      case 'cut':
        this.#node(one.node).link.cut();
        return;
      case 'reconnect':
        this.#node(one.node).link.reconnect();
        return;
      case 'fail':
        this.#node(one.node).link.isFailing = one.isFailing;
        return;
      case 'trim':
        redis.trimLog(one.kept);
        return;
      case 'restart':
        await jest.advanceTimersByTimeAsync(SETTLED_MS);
        for (const { link } of this.nodes) link.cut();
        redis.restart();
        return;
      case 'flushAll':
        await jest.advanceTimersByTimeAsync(SETTLED_MS);
        redis.flushAll();
    }
  }

  #subscribe(subscriber: AccountedClient, from: 'own' | null | number): void {
    if (subscriber.isWaiting) return;
    const { standings } = subscriber.account;
    const own = standings.get('alerts');
    const position = from === 'own' ? own && sinceOf(own) : from === null ? undefined : this.#position(from);
    // Without answers a client can't tell what came before one from what came after it.
    if (!subscriber.isOptedIn && subscriber.covers('alerts')) return;
    subscriber.subscribe('alerts', null, position);
  }

  #position(back: number): Since | undefined {
    const event = this.redis.published.at(-1 - back);
    return event && { epoch: event.epoch, seq: event.seq };
  }

  #node(index: number): CoreNode {
    const found = this.nodes[index];
    if (!found) throw new Error('no such node');
    return found;
  }

  #client(index: number): AccountedClient {
    const found = this.clients[index];
    if (!found) throw new Error('no such client');
    return found;
  }
}

/** A client knows the epoch once it was told it; after the end of one it has to ask. */
function sinceOf({
  epoch,
  seq,
  isExact,
  isOver,
}: {
  epoch: string | null;
  seq: number;
  isExact: boolean;
  isOver: boolean;
}) {
  return epoch !== null && isExact && !isOver ? { epoch, seq } : undefined;
}

test('delivered + declared lost = published, in order, each once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: 'max' }),
      fc.array(fc.oneof(fc.constant(0), fc.nat(30), fc.nat(600)), { minLength: 1, maxLength: 7 }),
      async (script, delays) => {
        const world = new World(delays);
        try {
          await world.run(script);
          // A lost last event is noticed although no other follows; but who did not opt in is told of a loss with a push.
          world.check(world.clients.filter(({ isOptedIn }) => isOptedIn));
          world.redis.publish(ALERTS, 'the last');
          await jest.advanceTimersByTimeAsync(5000);
          world.check(world.clients);
        } finally {
          world.stop();
          jest.clearAllTimers();
        }
      },
    ),
    { numRuns: RUNS, seed: SEED },
  );
});
