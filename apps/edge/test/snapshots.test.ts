/** The last known value that follows a subscribe. */
import { type Commands, type Publisher, connectCommands, createNames, createPublisher } from '@tickcast/backplane';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Frame, type TestClient, eventually } from '@tickcast/testing';
import { agentStatus, alert, backtestProgress, marketData } from './support/frames.ts';
import { type SingleEdge, startSingleEdge } from './support/single-edge.ts';

let world: SingleEdge;
let redis: Commands;
let publisher: Publisher;

beforeAll(async () => {
  world = await startSingleEdge();
  redis = connectCommands(world.redis.url);
  await eventually(() => redis.status === 'ready');
  publisher = createPublisher({ redis, names: createNames('tickcast:') });
});

afterAll(() => redis.disconnect());

const marketDataOf = (symbol: string) => ({ type: 'subscribe', channel: 'market_data', symbol });
const agents = { type: 'subscribe', channel: 'agent_status' };

/** The frames that came before the `pong` to a `ping` sent now. */
async function untilPong(client: TestClient, start = client.frames.length): Promise<Frame[]> {
  await client.request({ type: 'ping' });
  return client.frames.slice(start, -1).map(({ frame }) => frame);
}

describe('a subscribe is followed at once by the last known value', () => {
  test('that was published before anybody had asked, with its number and the mark snapshot', async () => {
    await world.publish('{market_data:0011.HK}', marketData('0011.HK', 1));
    const seq = await world.publish('{market_data:0011.HK}', marketData('0011.HK', 2));
    const client = await world.connect();
    const reply = await client.request(marketDataOf('11.HK'));
    expect(await untilPong(client, 1)).toEqual([
      { ...marketData('0011.HK', 2), seq, published_at: expect.any(Number), snapshot: true },
    ]);
    expect(reply).toMatchObject({ seq, epoch: expect.any(String), recovered: false });
  });

  test('each time: subscribing twice sends it twice, and is still one subscription', async () => {
    await world.publish('{market_data:0012.HK}', marketData('0012.HK'));
    const client = await world.connect();
    for (let times = 1; times <= 3; times++) {
      expect(await client.request(marketDataOf('0012.HK'))).toMatchObject({ count: 1 });
      await untilPong(client);
      expect(client.received(({ snapshot }) => snapshot === true).length).toBe(times);
    }
    const seq = await world.publish('{market_data:0012.HK}', marketData('0012.HK', 3));
    await client.next((frame) => frame['seq'] === seq && frame['snapshot'] === undefined);
    await untilPong(client);
    expect(client.received((frame) => frame['seq'] === seq).length).toBe(1);
  });

  test('of every agent where no agent is named, and of every symbol in symbols', async () => {
    for (const agent of ['a', 'b', 'c']) await world.publish(`{agent_status}:${agent}`, agentStatus(agent));
    for (const symbol of ['0013.HK', '0014.HK']) await world.publish(`{market_data:${symbol}}`, marketData(symbol));
    const client = await world.connect();
    client.send({ ...agents, symbol: null });
    await eventually(() => client.received('agent_status').length === 3);
    expect(client.frames.map(({ frame }) => frame['agent_id']).toSorted()).toEqual(['a', 'b', 'c']);
    const symbols = ['HK.0013', '0014.HK', '0015.HK'];
    await client.request({ type: 'subscribe', channel: 'market_data', symbols });
    await untilPong(client);
    expect(client.received('market_data').map(({ symbol }) => symbol)).toEqual(['0013.HK', '0014.HK']);
    expect(client.received((frame) => 'data' in frame).every(({ snapshot }) => snapshot === true)).toBe(true);
  });

  test('of a backtest that is over, with its terminal status', async () => {
    const { data, ...frame } = backtestProgress('bt_done', 1) as { data: object };
    await world.publish('{backtest_progress}:bt_done', { ...frame, data: { ...data, status: 'completed' } });
    const client = await world.connect();
    client.send({ type: 'subscribe', channel: 'backtest_progress', params: { backtest_id: 'bt_done' } });
    expect(await client.next('backtest_progress')).toMatchObject({ snapshot: true, data: { status: 'completed' } });
  });
});

describe('there is no snapshot', () => {
  test('of alerts, however often one subscribes', async () => {
    await world.publish('{alerts}', alert('old'));
    const client = await world.connect();
    expect(await client.request({ type: 'subscribe', channel: 'alerts' })).toMatchObject({ seq: 1 });
    await client.request({ type: 'subscribe', channel: 'alerts' });
    expect(await untilPong(client, 0)).toMatchObject([{ type: 'subscribed' }, { type: 'subscribed' }]);
    await world.publish('{alerts}', alert('new'));
    expect(await client.next('alerts')).toMatchObject({ seq: 2, data: { message: 'new' } });
  });

  test('of a stream without any event, nor of a plain PUBLISH', async () => {
    const watcher = await world.connect();
    await watcher.request(marketDataOf('0016.HK'));
    await world.publishRaw('{market_data:0016.HK}', marketData('0016.HK'));
    const raw = await watcher.next('market_data');
    expect(raw).toEqual(marketData('0016.HK'));
    const client = await world.connect();
    expect(await client.request(marketDataOf('0016.HK'))).toMatchObject({ seq: 0 });
    expect(await untilPong(client)).toEqual([]);
  });
});

test('after a snapshot the next push goes on from it, whenever in a burst one subscribes', async () => {
  const client = await world.connect();
  const total = 400;
  for (let seq = 1; seq <= total; seq++) {
    await publisher.publish({ channel: 'market_data', key: '0017.HK' }, JSON.stringify(marketData('0017.HK', seq)));
    if (seq % 20 === 0) await client.request(marketDataOf('0017.HK'));
  }
  await eventually(() => client.received(({ seq }) => seq === total).length > 0);
  const pushes = client.received('market_data');
  let known = Number(pushes[0]?.['seq']);
  for (const push of pushes) {
    const seq = Number(push['seq']);
    // A later snapshot shows what was delivered already; only the first one starts anything.
    const follows = push['snapshot'] === true ? known : seq - Number(push['conflated'] ?? 0) - 1;
    expect({ follows, seq }).toEqual({ follows: known, seq });
    known = seq;
  }
  expect(known).toBe(total);
  expect(pushes.length).toBeGreaterThan(20);
});
