/** SPEC 3: what Pub/Sub loses of quotes, agents and backtests is made up for by the last value, or declared. */
import { afterAll, expect, test } from '@jest/globals';
import type { StreamId } from '@tickcast/protocol';
import { type TestClient, eventually } from '@tickcast/testing';
import { type Cluster, forgetClusters } from './support/cluster.ts';
import { agentStatus, backtestProgress, marketData } from './support/frames.ts';
import {
  epochOf,
  guest,
  loseEvents,
  seedGuest,
  startFaultyWorld,
  subscribeAsSeed,
  told,
} from './support/recovery-world.ts';
import { storyOf } from './support/story.ts';

afterAll(forgetClusters);

/** A lost last event is looked for every 3 s, and after a second look 1 s later it is read. */
const NOTICED_MS = 8000;

interface Kind {
  id: StreamId;
  frame: (status: string) => object;
  asked: object;
  every: object;
}

const QUOTE: Kind = {
  id: { channel: 'market_data', key: 'LOST' },
  frame: () => marketData('LOST'),
  asked: { channel: 'market_data', symbol: 'LOST' },
  every: { channel: 'market_data', symbol: 'LOST' },
};
const AGENT: Kind = {
  id: { channel: 'agent_status', key: 'agent-1' },
  frame: (status) => agentStatus('agent-1', status),
  asked: { channel: 'agent_status', params: { agent_id: 'agent-1' } },
  every: { channel: 'agent_status' },
};
const BACKTEST: Kind = {
  id: { channel: 'backtest_progress', key: 'bt_1' },
  frame: (status) => withStatus(backtestProgress('bt_1'), status),
  asked: { channel: 'backtest_progress', params: { backtest_id: 'bt_1' } },
  every: { channel: 'backtest_progress' },
};

interface Case {
  what: string;
  kind: Kind;
  /** Of the events, in order; the first has number 1. */
  statuses: string[];
  lost: number[];
  /** What an opted-in client of the one stream, and one of the seed's manner of all streams, are sent. */
  optedIn: string[];
  seed: string[];
}

const same = (story: string[]) => ({ optedIn: story, seed: story });
const RUNNING = 'running';

test.concurrent.each<Case>([
  {
    what: 'a quote in the middle is merged into the next',
    kind: QUOTE,
    statuses: ['', '', ''],
    lost: [2],
    ...same(['1', '3 conflated:1']),
  },
  { what: 'the last quote comes by itself', kind: QUOTE, statuses: ['', ''], lost: [2], ...same(['1', '2']) },
  {
    what: 'of the last quotes the newest comes, with the others merged into it',
    kind: QUOTE,
    statuses: ['', '', '', ''],
    lost: [2, 3, 4],
    ...same(['1', '4 conflated:2']),
  },
  { what: 'the only quote of a symbol comes by itself', kind: QUOTE, statuses: [''], lost: [1], ...same(['1']) },
  {
    what: 'progress in the middle is merged into the next',
    kind: BACKTEST,
    statuses: [RUNNING, RUNNING, RUNNING],
    lost: [2],
    ...same(['1', '3 conflated:1']),
  },
  {
    what: 'the only event of a new backtest comes by itself',
    kind: BACKTEST,
    statuses: [RUNNING],
    lost: [1],
    ...same(['1']),
  },
  {
    what: 'a final status that was lost comes by itself',
    kind: BACKTEST,
    statuses: [RUNNING, RUNNING, 'completed'],
    lost: [2, 3],
    ...same(['1', '3 conflated:1']),
  },
  {
    what: 'the only event of a new agent comes by itself',
    kind: AGENT,
    statuses: [RUNNING],
    lost: [1],
    ...same(['1']),
  },
  {
    what: 'an agent’s refreshes are merged into the next',
    kind: AGENT,
    statuses: [RUNNING, RUNNING, RUNNING, RUNNING],
    lost: [2, 3],
    ...same(['1', '4 conflated:2']),
  },
  {
    what: 'an agent’s change of status shows in the refresh that follows it',
    kind: AGENT,
    statuses: [RUNNING, RUNNING, 'error', 'error'],
    lost: [2, 3],
    ...same(['1', '4 conflated:2']),
  },
  {
    what: 'an agent’s last change of status comes by itself',
    kind: AGENT,
    statuses: [RUNNING, RUNNING, 'error'],
    lost: [3],
    ...same(['1', '2', '3']),
  },
  {
    what: 'an agent’s change of status behind which there is another is declared',
    kind: AGENT,
    statuses: [RUNNING, 'error', RUNNING, RUNNING],
    lost: [2],
    optedIn: ['1', 'gap e1 2..2', '3', '4'],
    seed: ['1', '3 lost:1', '4'],
  },
  {
    what: 'two changes of an agent’s status at the end are declared but for the last',
    kind: AGENT,
    statuses: [RUNNING, 'error', 'stopped'],
    lost: [2, 3],
    optedIn: ['1', 'gap e1 2..2', '3'],
    seed: ['1', '3 lost:1'],
  },
])('lost on the way: $what', async ({ kind, statuses, lost, optedIn, seed }) => {
  const { cluster, edge, proxy } = await startFaultyWorld({ env: { TICKCAST_MARKET_DATA_MAX_RATE: '1000' } });
  const [one, every] = [await guest(edge), await seedGuest(edge)];
  await one.request({ type: 'subscribe', ...kind.asked });
  await subscribeAsSeed(every, { ...kind.every });
  loseEvents(proxy, lost, String(kind.id.key));
  await publish(cluster, kind, statuses);
  const epochs = [await epochOf(cluster, kind.id)];
  expect((await told(one, 1 + optedIn.length, epochs, NOTICED_MS)).slice(1)).toEqual(optedIn);
  expect(await told(every, seed.length)).toEqual(seed);
  expect(proxy.dropped).toBe(lost.length);

  // Who comes now sees that as the last value, and both go on from it.
  const late = await guest(edge);
  await late.request({ type: 'subscribe', ...kind.asked });
  await publish(cluster, kind, [statuses.at(-1) ?? '']);
  const last = statuses.length;
  expect((await told(late, 3)).slice(1)).toEqual([`${last} snapshot`, `${last + 1}`]);
  expect((await told(one, 2 + optedIn.length, epochs)).slice(1)).toEqual([...optedIn, `${last + 1}`]);
});

test.concurrent(
  'a final status that was lost behind which the backtest began anew is not silently merged away',
  async () => {
    const { cluster, edge, proxy } = await startFaultyWorld();
    const [one, every] = [await guest(edge), await seedGuest(edge)];
    await one.request({ type: 'subscribe', ...BACKTEST.asked });
    await subscribeAsSeed(every, { ...BACKTEST.every });
    loseEvents(proxy, [2]);
    await publish(cluster, BACKTEST, [RUNNING, 'completed', RUNNING]);
    const epochs = [await epochOf(cluster, BACKTEST.id)];
    expect((await told(one, 4, epochs)).slice(1)).toEqual(['1', 'gap e1 2..2', '3']);
    expect(await told(every, 2)).toEqual(['1', '3 lost:1']);
  },
);

test.concurrent(
  'a node cut off in a burst of all channels accounts for every event, and ends with the last',
  async () => {
    const { cluster, edge } = await startFaultyWorld();
    const clients = [await guest(edge), await guest(edge)];
    for (const client of clients) {
      for (const { asked } of [QUOTE, AGENT, BACKTEST]) await client.request({ type: 'subscribe', ...asked });
    }
    const rounds = 60;
    const bursts = [QUOTE, AGENT, BACKTEST].map((kind) =>
      publish(
        cluster,
        kind,
        Array.from({ length: rounds }, (_, index) => (kind === AGENT ? `state-${index % 7}` : RUNNING)),
      ),
    );
    await cluster.redis.cli('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await Promise.all(bursts);
    for (const client of clients) {
      for (const kind of [QUOTE, AGENT, BACKTEST]) {
        await eventually(() => accountOf(client, kind).last === rounds, { withinMs: NOTICED_MS });
        expect(accountOf(client, kind)).toEqual({ last: rounds, accountedFor: rounds });
      }
    }
  },
);

test.concurrent('what is only late, by a slow way from Redis, is neither conflated nor lost', async () => {
  const { cluster, edge, proxy } = await startFaultyWorld();
  const client = await guest(edge);
  for (const { asked } of [QUOTE, AGENT, BACKTEST]) await client.request({ type: 'subscribe', ...asked });
  proxy.shape({ latencyMs: 250, jitterMs: 100 }, 'to-client');
  const rounds = 16;
  // Slower than ten a second, so that nothing is merged for its pace.
  for (let round = 0; round < rounds; round++) {
    for (const kind of [QUOTE, AGENT, BACKTEST]) await publish(cluster, kind, [`state-${round}`]);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  for (const kind of [AGENT, BACKTEST]) {
    const lines = () => storyOf(client, [], String(kind.id.key)).slice(1);
    await eventually(() => lines().length >= rounds);
    expect(lines()).toEqual(Array.from({ length: rounds }, (_, index) => `${index + 1}`));
  }
  await eventually(() => accountOf(client, QUOTE).last === rounds);
  expect(client.received('gap')).toEqual([]);
});

/** All at once, in order. */
async function publish({ publisher }: Cluster, { id, frame }: Kind, statuses: readonly string[]): Promise<void> {
  await Promise.all(statuses.map((status) => publisher.publish(id, JSON.stringify(frame(status)))));
}

/** The last number that came, and how many events were delivered, merged or declared. */
function accountOf(client: TestClient, { id }: Kind): { last: number; accountedFor: number } {
  let [last, accountedFor] = [0, 0];
  for (const { frame } of client.frames) {
    if (frame['snapshot'] === true) continue;
    if (frame.type === 'gap' && frame['channel'] === id.channel) {
      accountedFor += Number(frame['to']) - Number(frame['from']) + 1;
    } else if (frame.type === id.channel) {
      accountedFor += 1 + Number(frame['conflated'] ?? 0);
      last = Number(frame['seq']);
    }
  }
  return { last, accountedFor };
}

function withStatus(frame: object, status: string): object {
  const { data, ...rest } = frame as { data: object };
  return { ...rest, data: { ...data, status: status || 'running' } };
}
