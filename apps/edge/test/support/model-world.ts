import { jest } from '@jest/globals';
import type { StreamId } from '@tickcast/protocol';
import * as fc from 'fast-check';
import { streamTopic } from '../../src/topics.ts';
import { AccountedClient, CoreNode } from './core-node.ts';
import { RedisModel } from './redis-model.ts';

const CLIENTS = 3;
const MAX_BUFFERED_BYTES = 4000;
/** What is lost within moments, of a message, a node's reading of it and all of Redis, nobody could put in order. */
const SETTLED_MS = 8000;
/** A replay may have to go through many pages, a feed be read again after a time, a lost last event be noticed. */
const CALM_MS = 20_000;

export const anyClient = fc.nat(CLIENTS - 1);
export const anyNode = fc.nat(1);
/** Nodes that a message does not come to. */
export const lostTo = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 2, arbitrary: fc.subarray([0, 1], { minLength: 1 }) },
);
/** What calls and messages take, ms. */
export const delays = fc.array(fc.oneof(fc.constant(0), fc.nat(30), fc.nat(600)), { minLength: 1, maxLength: 7 });

/** What befalls Redis, the way to it, and the clients' sockets. */
export const fault = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.oneof(fc.nat(40), fc.nat(4000)) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'read' as const), client: anyClient }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cut' as const, 'reconnect' as const), node: anyNode }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), node: anyNode, isFailing: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trim' as const), kept: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'flushAll' as const) }) },
);
type Fault = typeof fault extends fc.Arbitrary<infer T> ? T : never;

/** Two nodes on one Redis, and clients that come and go; the first of them has not opted in. */
export class ModelWorld {
  readonly redis: RedisModel;
  readonly nodes: CoreNode[];
  readonly clients: AccountedClient[];

  constructor(times: readonly number[]) {
    this.redis = new RedisModel(times);
    this.nodes = [0, 1].map(() => new CoreNode(this.redis, MAX_BUFFERED_BYTES));
    this.clients = Array.from({ length: CLIENTS }, (_, index) => new AccountedClient(this.redis, index !== 0));
    for (const [index, one] of this.clients.entries()) one.connect(this.node(index % 2));
  }

  async suffer(one: Fault): Promise<void> {
    const { redis } = this;
    switch (one.do) {
      case 'pass':
        await jest.advanceTimersByTimeAsync(one.ms);
        return;
      case 'stall':
        this.client(one.client).stall();
        return;
      case 'read':
        this.client(one.client).read();
        return;
      case 'cut':
        this.node(one.node).link.cut();
        return;
      case 'reconnect':
        this.node(one.node).link.reconnect();
        return;
      case 'fail':
        this.node(one.node).link.isFailing = one.isFailing;
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

  /** All works again, for long enough. */
  async calm(): Promise<void> {
    for (const { link } of this.nodes) {
      link.isFailing = false;
      link.reconnect();
    }
    for (const one of this.clients) one.read();
    await jest.advanceTimersByTimeAsync(CALM_MS);
  }

  /**
   * Of these clients and streams those where a client has not come as far as Redis.
   * @throws the first thing that does not add up in a client's account
   */
  laggards(clients: readonly AccountedClient[], streams: readonly StreamId[]): object[] {
    for (const { account } of this.clients) if (account.problem) throw account.problem;
    const topics = streams.map(({ channel, key }) => streamTopic(channel, key));
    return clients.flatMap((one) =>
      topics.flatMap((topic) => {
        const [at, state] = [one.account.standings.get(topic), this.redis.states.get(topic)];
        if (!at?.isExact || !one.covers(topic) || !state || state.seq === 0) return [];
        return at.epoch === state.epoch && at.seq === state.seq ? [] : [{ topic, at, ...state }];
      }),
    );
  }

  node(index: number): CoreNode {
    const found = this.nodes[index];
    if (!found) throw new Error('no such node');
    return found;
  }

  client(index: number): AccountedClient {
    const found = this.clients[index];
    if (!found) throw new Error('no such client');
    return found;
  }

  end(): void {
    for (const one of this.nodes) one.stop();
    jest.clearAllTimers();
  }
}
