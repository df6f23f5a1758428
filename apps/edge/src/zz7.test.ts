/** Whatever happens to Redis, its messages, nodes and clients: quotes, agents and backtests add up for each client. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { Channel, StreamId } from '@tickcast/protocol';
import * as fc from 'fast-check';
import type { AccountedClient } from '../test/support/core-node.ts';
import { ModelWorld, anyClient, anyNode, delays, fault, lostTo } from '../test/support/model-world.ts';
import { streamTopic } from './topics.ts';

const RUNS = 2500;
const SEED = 7;
const STREAMS: readonly StreamId[] = [
  { channel: 'market_data', key: '0700.HK' },
  { channel: 'agent_status', key: 'a' },
  { channel: 'agent_status', key: 'b' },
  { channel: 'backtest_progress', key: 'bt' },
];
const TARGETS: ReadonlyArray<{ channel: Channel; key: string | null }> = [
  ...STREAMS,
  { channel: 'agent_status', key: null },
  { channel: 'backtest_progress', key: null },
];
const CLAIMS = [undefined, ['market_data', 'agent_status:a', 'backtest_progress'], ['*:a', '*:bt'], ['agent_status']];

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  jest.useRealTimers();
});

const publish = fc.record({
  do: fc.constant('publish' as const),
  id: fc.constantFrom(...STREAMS),
  status: fc.constantFrom('running', 'idle', 'completed'),
  times: fc.constantFrom(1, 1, 2, 12),
  lostTo,
});
const target = fc.constantFrom(...TARGETS);
const step = fc.oneof(
  { weight: 14, arbitrary: publish },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('subscribe' as const), client: anyClient, target }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('subscribe with since' as const), client: anyClient, target }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), client: anyClient, target }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('connect' as const), client: anyClient, node: anyNode }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('claim' as const), client: anyClient, claim: fc.constantFrom(...CLAIMS) }),
  },
  { weight: 14, arbitrary: fault },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function perform(world: ModelWorld, one: Step): Promise<void> {
  switch (one.do) {
    case 'publish':
      for (let time = 0; time < one.times; time += 1) world.redis.publish(one.id, one.status, one.lostTo);
      return;
    case 'subscribe':
      subscribe(world.client(one.client), one.target, false);
      return;
    case 'subscribe with since':
      subscribe(world.client(one.client), one.target, true);
      return;
    case 'unsubscribe':
      world.client(one.client).unsubscribe(one.target.channel, one.target.key);
      return;
    case 'connect':
      reconnect(world.client(one.client), () => world.client(one.client).connect(world.node(one.node)));
      return;
    case 'claim':
      world.client(one.client).claim(one.claim);
      return;
    default:
      await world.suffer(one);
  }
}

function subscribe(client: AccountedClient, { channel, key }: (typeof TARGETS)[number], withSince: boolean): void {
  const topic = streamTopic(channel, key);
  if (client.isWaiting || !client.allows(channel, key) || (client.covers(topic) && !client.isOptedIn)) return;
  client.subscribe(channel, key, withSince && key !== null ? client.account.since(topic) : undefined);
}

/** Comes back with `since` for each stream that it had subscribed to. */
function reconnect(client: AccountedClient, connect: () => void): void {
  const own = STREAMS.filter(({ channel, key }) => client.covers(streamTopic(channel, key)));
  connect();
  for (const { channel, key } of own) client.subscribe(channel, key, client.account.since(streamTopic(channel, key)));
}

test('delivered + conflated + declared lost = published, nothing that must be kept is merged, the last always comes', async () => {
  const claim = async (script: readonly Step[], times: readonly number[]) => {
    const world = new ModelWorld(times);
    try {
      for (const one of script) {
        await perform(world, one);
        await jest.advanceTimersByTimeAsync(0);
      }
      await world.calm();
      const optedIn = world.clients.filter(({ isOptedIn }) => isOptedIn);
      expect(world.laggards(optedIn, STREAMS)).toEqual([]);
      for (const id of STREAMS) world.redis.publish(id, 'cancelled');
      await jest.advanceTimersByTimeAsync(5000);
      expect(world.laggards(world.clients, STREAMS)).toEqual([]);
    } finally {
      world.end();
    }
  };
  const scripts = fc.array(step, { maxLength: 60, size: 'max' });
  await fc.assert(fc.asyncProperty(scripts, delays, claim), { numRuns: RUNS, seed: SEED });
});
