/** What a token's `channels` claim lets its bearer see. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { type Frame, type TestClient, connectClient, eventually, mintToken } from '@tickcast/testing';
import { agentStatus, alert, backtestProgress, marketData } from './support/frames.ts';
import { type SingleEdge, freshSub, startSingleEdge } from './support/single-edge.ts';

let world: SingleEdge;

beforeAll(async () => {
  world = await startSingleEdge();
});

const ALL_AGENTS = { type: 'subscribe', channel: 'agent_status', symbol: null };
const oneAgent = (agent: string) => ({ ...ALL_AGENTS, params: { agent_id: agent } });
const marketDataOf = (symbol: string) => ({ type: 'subscribe', channel: 'market_data', symbol });
const givingUp = (message: object) => ({ ...message, type: 'unsubscribe' });

/** Publishes an event for each of these agents, through the Function and plainly. */
async function publishAgents(...agents: string[]): Promise<void> {
  for (const agent of agents) {
    await world.publish(`{agent_status}:${agent}`, agentStatus(agent));
    await world.publishRaw('{agent_status}', agentStatus(agent, 'plain'));
  }
}

/** How many pushes, snapshots aside, came of each agent, once the last of them has come. */
async function pushesByAgent(client: TestClient, last: string): Promise<Record<string, number>> {
  const marker = `marker ${Math.random()}`;
  await world.publishRaw('{agent_status}', agentStatus(last, marker));
  const isMarker = ({ data }: Frame) => (data as { status?: string } | undefined)?.status === marker;
  await eventually(() => client.received(isMarker).length > 0);
  const counts: Record<string, number> = {};
  for (const frame of client.received('agent_status')) {
    const agent = String(frame['agent_id']);
    const { status } = frame['data'] as { status: string };
    if (frame['snapshot'] === true || status.startsWith('marker')) continue;
    counts[agent] = (counts[agent] ?? 0) + 1;
  }
  return counts;
}

/** The answers' types, or the codes of the errors, in order. */
async function answers(client: TestClient, ...messages: Array<Record<string, unknown>>): Promise<unknown[]> {
  const replies = await Promise.all(messages.map((message) => client.request(message)));
  return replies.map(({ type, error }) => error ?? type);
}

describe('the claim', () => {
  const everything = [
    marketDataOf('0700.HK'),
    marketDataOf('0005.HK'),
    ALL_AGENTS,
    oneAgent('a'),
    { ...ALL_AGENTS, channel: 'alerts' },
  ];
  const [yes, no] = ['subscribed', 'forbidden'];
  test.each([
    ['that is absent', undefined, [yes, yes, yes, yes, yes]],
    ['["*"]', ['*'], [yes, yes, yes, yes, yes]],
    ['["*:*"]', ['*:*'], [yes, yes, yes, yes, yes]],
    ['[]', [], [no, no, no, no, no]],
    ['of a whole channel', ['market_data'], [yes, yes, no, no, no]],
    ['of all keys of a channel', ['agent_status:*'], [no, no, yes, yes, no]],
    ['of one symbol', ['market_data:0700.HK'], [yes, no, no, no, no]],
    ['of one symbol in another form', ['market_data:hk.00700'], [yes, no, no, no, no]],
    ['of one agent', ['agent_status:a'], [no, no, yes, yes, no]],
    ['of another agent', ['agent_status:A'], [no, no, yes, no, no]],
    ['of alerts and a symbol', ['alerts', 'market_data:5.HK'], [no, yes, no, no, yes]],
  ])('%s allows what it says and nothing else', async (_, channels, expected) => {
    const client = await world.connect({ channels });
    expect(await answers(client, ...everything)).toEqual(expected);
    expect((await client.request({ type: 'list' }))['count']).toBe(expected.filter((one) => one === yes).length);
  });

  test('of some symbols decides for each of symbols', async () => {
    const client = await world.connect({ channels: ['market_data:1.HK', 'market_data:3.HK'] });
    const symbols = ['0001.HK', '0002.HK', 'HK.3'];
    const { results } = await client.request({ type: 'subscribe', channel: 'market_data', symbols });
    expect(results).toMatchObject([{ key: '0001.HK' }, { error: 'forbidden' }, { key: '0003.HK' }]);
  });

  test('of exact keys narrows a subscription without a key to them, those not yet known too', async () => {
    await publishAgents('exact', 'hidden');
    const client = await world.connect({ channels: ['agent_status:exact', 'agent_status:later'] });
    expect(await client.request(ALL_AGENTS)).toMatchObject({ type: 'subscribed', key: null, count: 1 });
    await publishAgents('hidden', 'exact', 'later', 'hidden-too');
    expect(await pushesByAgent(client, 'exact')).toEqual({ exact: 2, later: 2 });
    const snapshots = client.received(({ snapshot }) => snapshot === true);
    expect(snapshots.map((frame) => frame['agent_id'])).toEqual(['exact']);
  });
});

describe('overlapping subscriptions', () => {
  test.each([
    ['all of them', undefined],
    ['a few', ['agent_status:one', 'agent_status:two', 'agent_status:three']],
  ])('deliver each event once, with a token for %s', async (_, channels) => {
    const client = await world.connect({ channels });
    expect(await answers(client, oneAgent('one'), ALL_AGENTS, oneAgent('two'))).toEqual(Array(3).fill('subscribed'));
    await publishAgents('one', 'two', 'three');
    expect(await pushesByAgent(client, 'one')).toEqual({ one: 2, two: 2, three: 2 });

    await client.request(givingUp(oneAgent('one')));
    await publishAgents('one', 'two', 'three');
    expect(await pushesByAgent(client, 'one')).toEqual({ one: 4, two: 4, three: 4 });

    await client.request(givingUp(ALL_AGENTS));
    await publishAgents('one', 'two', 'three');
    expect(await pushesByAgent(client, 'two')).toEqual({ one: 4, two: 6, three: 4 });

    await client.request(oneAgent('one'));
    await client.request(givingUp(oneAgent('two')));
    await publishAgents('one', 'two', 'three');
    expect(await pushesByAgent(client, 'one')).toEqual({ one: 6, two: 6, three: 4 });
  });

  test('of backtests do so too', async () => {
    const client = await world.connect();
    const all = { type: 'subscribe', channel: 'backtest_progress' };
    await answers(client, all, { ...all, params: { backtest_id: 'bt' } }, all);
    await world.publish('{backtest_progress}:bt', backtestProgress('bt'));
    await world.publish('{backtest_progress}:other', backtestProgress('other'));
    await client.next(({ backtest_id: id }) => id === 'other');
    expect(client.received('backtest_progress').map((frame) => frame['backtest_id'])).toEqual(['bt', 'other']);
  });
});

describe('a new token', () => {
  async function connectAs(sub: string, channels?: string[]): Promise<TestClient> {
    return connectClient(world.edge.url, { token: await mintToken({ sub, channels }) });
  }

  async function renew(client: TestClient, sub: string, channels: string[]): Promise<Frame> {
    return client.request({ type: 'auth', token: await mintToken({ sub, channels }) });
  }

  test('with a narrower claim ends what it no longer covers, with forbidden', async () => {
    const sub = freshSub();
    const client = await connectAs(sub);
    const alerts = { type: 'subscribe', channel: 'alerts' };
    await answers(client, marketDataOf('0700.HK'), marketDataOf('0005.HK'), ALL_AGENTS, oneAgent('gone'), alerts);
    const reply = await renew(client, sub, ['market_data:HK.700', 'agent_status:kept']);
    expect(reply).toMatchObject({ type: 'authenticated' });
    expect(client.received('error').map(({ error }) => error)).toEqual(['forbidden', 'forbidden', 'forbidden']);
    expect((await client.request({ type: 'list' }))['subscriptions']).toEqual([
      { channel: 'market_data', key: '0700.HK' },
      { channel: 'agent_status', key: null },
    ]);
    await world.publish('{alerts}', alert('not for them'));
    await world.publish('{market_data:0005.HK}', marketData('0005.HK'));
    await world.publish('{market_data:0700.HK}', marketData('0700.HK'));
    await publishAgents('gone', 'kept', 'other');
    expect(await pushesByAgent(client, 'kept')).toEqual({ kept: 2 });
    // Quotes come from Redis on a connection of their own.
    await client.next('market_data');
    expect(client.received('market_data').map(({ symbol }) => symbol)).toEqual(['0700.HK']);
    expect(client.received('alerts')).toEqual([]);
    expect(await answers(client, oneAgent('gone'))).toEqual(['forbidden']);
  });

  test('with a wider claim widens a subscription without a key', async () => {
    const sub = freshSub();
    const client = await connectAs(sub, ['agent_status:first']);
    await client.request(ALL_AGENTS);
    await publishAgents('first', 'second');
    expect(await pushesByAgent(client, 'first')).toEqual({ first: 2 });
    await renew(client, sub, ['agent_status']);
    await publishAgents('first', 'second');
    expect(await pushesByAgent(client, 'first')).toEqual({ first: 4, second: 2 });
    await renew(client, sub, ['agent_status:second']);
    await publishAgents('first', 'second');
    expect(await pushesByAgent(client, 'second')).toEqual({ first: 4, second: 4 });
  });

  test('that allows nothing ends everything, and the connection stays', async () => {
    const sub = freshSub();
    const client = await connectAs(sub);
    const symbols = Array.from({ length: 30 }, (_, index) => `N${index}.TEST`);
    await client.request({ type: 'subscribe', channel: 'market_data', symbols });
    expect(await renew(client, sub, [])).toMatchObject({ type: 'authenticated' });
    expect(await client.request({ type: 'list' })).toMatchObject({ subscriptions: [], count: 0 });
    // Ten errors a second are sent; the others are counted.
    expect(client.received('error').length).toBe(10);
    await eventually(() => {
      client.send(ALL_AGENTS);
      return client.received(({ dropped }) => Number(dropped) >= 20).length > 0;
    });
  });
});
