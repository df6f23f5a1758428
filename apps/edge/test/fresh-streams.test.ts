/** Streams that nobody has published to yet, and that this node does not hold yet. */
import { beforeAll, expect, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import { agentStatus, alert, backtestProgress, marketData } from './support/frames.ts';
import { type SingleEdge, startSingleEdge } from './support/single-edge.ts';

let world: SingleEdge;

beforeAll(async () => {
  world = await startSingleEdge();
});

const agent = (id: string) => ({ channel: 'agent_status', params: { agent_id: id } });
const backtest = (id: string) => ({ channel: 'backtest_progress', params: { backtest_id: id } });

test.each([
  ['a symbol', { channel: 'market_data', symbol: 'FRESH' }, '{market_data:FRESH}', marketData('FRESH')],
  ['an agent', agent('fresh-1'), '{agent_status}:fresh-1', agentStatus('fresh-1')],
  // The node holds the channel by now.
  ['another agent', agent('fresh-2'), '{agent_status}:fresh-2', agentStatus('fresh-2')],
  ['a backtest', backtest('fresh-1'), '{backtest_progress}:fresh-1', backtestProgress('fresh-1')],
  ['another backtest', backtest('fresh-2'), '{backtest_progress}:fresh-2', backtestProgress('fresh-2')],
  ['alerts', { channel: 'alerts' }, '{alerts}', alert('fresh')],
] as const)(
  '%s that nobody has published to has an epoch and seq 0, and its first event is one without a loss',
  async (_, stream, name, frame) => {
    const client = await world.connect();
    const reply = await client.request({ type: 'subscribe', ...stream });
    expect(reply).toMatchObject({ type: 'subscribed', epoch: expect.stringMatching(/^\d+-/), seq: 0 });
    await world.publish(name, frame);
    await world.publish(name, frame);
    await eventually(() => client.received(stream.channel).length === 2);
    expect(client.frames.slice(1).map((received) => received.frame)).toEqual(
      [1, 2].map((seq) => ({ ...frame, seq, published_at: expect.any(Number) })),
    );
    // A second client, and one that brings what the first was told, stand in the same numbering.
    const { epoch } = reply;
    const second = await world.connect();
    const since = { epoch, seq: 2 };
    expect(await second.request({ type: 'subscribe', ...stream, since })).toMatchObject({
      epoch,
      seq: 2,
      recovered: true,
    });
  },
);

test.each([
  ['a symbol', { channel: 'market_data', symbol: 'BRIEF' }],
  ['an agent', agent('brief')],
  ['alerts', { channel: 'alerts' }],
])(
  'subscribe, unsubscribe and list sent in one go for %s are answered so that the last word is true',
  async (_, one) => {
    const { connect } = await startSingleEdge();
    const client = await connect();
    client.send({ type: 'subscribe', ...one, id: 'on' });
    client.send({ type: 'unsubscribe', ...one, id: 'off' });
    client.send({ type: 'list', id: 'list' });
    await eventually(() => client.frames.length >= 3);
    expect(client.received('subscriptions')).toMatchObject([{ subscriptions: [], count: 0 }]);
    const inTurn = client.received(({ type }) => type !== 'subscriptions');
    expect(inTurn.map(({ type, id }) => [type, id])).toEqual([
      ['subscribed', 'on'],
      ['unsubscribed', 'off'],
    ]);
  },
);
