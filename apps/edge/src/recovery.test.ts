/** Clients that say twice, or wrongly the first time, where they are; the rest is in the properties beside. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { ModelWorld } from '../test/support/model-world.ts';

const ALERTS = { channel: 'alerts', key: null } as const;
const AGENT = { channel: 'agent_status', key: 'a' } as const;

let world: ModelWorld;
beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
  world = new ModelWorld([0]);
});
afterEach(() => {
  world.end();
  jest.useRealTimers();
});

const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

function publish(lostTo: readonly number[] = []): { epoch: string; seq: number } {
  world.redis.publish(ALERTS, 'an alert', lostTo);
  const { epoch, seq } = world.redis.opened(ALERTS);
  return { epoch, seq };
}

test('a client that goes back behind what it said it had gets what lies between', async () => {
  const client = world.client(2);
  client.subscribe('alerts', null);
  await pass(10);
  const first = publish();
  await pass(10);
  // This node has yet to hear of it.
  const second = publish([0]);
  client.subscribe('alerts', null, second);
  await pass(10);
  client.subscribe('alerts', null, first);
  await pass(10);
  publish();
  await pass(1000);
  expect(world.laggards([client], [ALERTS])).toEqual([]);
});

/** A client that reads nothing in the middle of a replay, and where it asked for that to begin. */
async function clientInReplay() {
  const client = world.client(2);
  client.subscribe('alerts', null);
  await pass(10);
  const first = publish();
  for (let time = 0; time < 12; time += 1) publish();
  await pass(100);
  client.stall();
  client.subscribe('alerts', null, first);
  await pass(100);
  return { client, first };
}

test('a client that names the event where the node stands gets nothing more of the replay before', async () => {
  const { client } = await clientInReplay();
  client.subscribe('alerts', null, world.redis.published.at(-1));
  await pass(100);
  client.read();
  publish();
  await pass(1000);
  expect(world.laggards([client], [ALERTS])).toEqual([]);
});

test('a replay goes on where it was when Redis could not be read for the one that was to follow it', async () => {
  const { client, first } = await clientInReplay();
  const { link } = world.node(0);
  link.isFailing = true;
  client.subscribe('alerts', null, first);
  await pass(100);
  link.isFailing = false;
  client.read();
  await pass(5000);
  expect(world.laggards([client], [ALERTS])).toEqual([]);
});

test('a client of all agents gets the first event of one that another client asks for meanwhile', async () => {
  const [ofAll, ofOne] = [world.client(2), world.client(1)];
  ofAll.subscribe('agent_status', null);
  await pass(10);
  world.redis.publish(AGENT, 'idle', [0]);
  ofOne.connect(world.node(0));
  ofOne.subscribe('agent_status', 'a');
  await pass(10);
  world.redis.publish(AGENT, 'running');
  await pass(10);
  expect(world.laggards([ofAll, ofOne], [AGENT])).toEqual([]);
});

test('the first alert of all, lost as Redis restarts, is had from the log', async () => {
  const client = world.client(2);
  client.subscribe('alerts', null);
  await pass(10);
  publish([0]);
  await world.suffer({ do: 'cut', node: 0 });
  world.redis.restart();
  publish();
  await world.calm();
  expect(world.laggards([client], [ALERTS])).toEqual([]);
});

test('what the log tells of a new epoch comes behind the message that waits for it', async () => {
  const client = world.client(2);
  client.subscribe('alerts', null);
  await pass(10);
  publish([0]);
  publish();
  // The node begins to read the log, and Redis is gone.
  await pass(0);
  await world.suffer({ do: 'cut', node: 0 });
  world.redis.restart();
  publish();
  await world.calm();
  expect(world.laggards([client], [ALERTS])).toEqual([]);
});

test('of two subscribes with since at once each alert comes once, when Redis goes away between their reads', async () => {
  world.end();
  world = new ModelWorld([7, 2, 3]);
  const client = world.client(2);
  const { link } = world.node(0);
  publish();
  await pass(30);
  client.subscribe('alerts', null);
  await pass(50);
  const first = publish();
  publish();
  await pass(50);
  client.subscribe('alerts', null, first);
  publish();
  client.subscribe('alerts', null, first);
  await pass(4);
  link.cut();
  await pass(100);
  link.reconnect();
  await pass(5000);
  publish();
  await pass(1000);
  expect(world.laggards([client], [ALERTS])).toEqual([]);
});

test('of many subscribes with since at once none is answered later than the first, when Redis can not be read', async () => {
  world.end();
  world = new ModelWorld([400]);
  const client = world.client(2);
  client.subscribe('alerts', null);
  await pass(3000);
  const first = publish();
  publish();
  await pass(3000);
  const answers: number[] = [];
  const reply = client.connection?.error.bind(client.connection);
  if (client.connection) {
    client.connection.error = (...error) => {
      answers.push(performance.now());
      reply?.(...error);
    };
  }
  world.node(0).link.isFailing = true;
  for (let time = 0; time < 6; time += 1) client.subscribe('alerts', null, first);
  await pass(5000);
  expect(answers).toHaveLength(6);
  expect(Math.max(...answers) - Math.min(...answers)).toBeLessThan(10);
});

test('a replay whose client reads waits for Redis as long as it is away', async () => {
  const { client } = await clientInReplay();
  const { link } = world.node(0);
  link.cut();
  client.read();
  await pass(60_000);
  expect(client.closes).toEqual([]);
  link.reconnect();
  await pass(5000);
  expect(world.laggards([client], [ALERTS])).toEqual([]);
});

test('what a client is owed is not forgotten with a stream that has been silent for a minute', async () => {
  const seedClient = world.client(0);
  seedClient.subscribe(AGENT.channel, AGENT.key, { epoch: '1701234567000000-00000a', seq: 3 });
  await pass(61_000);
  world.node(0).hub.prune();
  const push = jest.spyOn(seedClient.connection ?? fail(), 'push');
  world.redis.publish(AGENT, 'idle');
  await pass(100);
  expect(push.mock.calls.map(([frame]) => Buffer.from(frame).toString())).toEqual([
    expect.stringContaining('"lost":null'),
  ]);
});

test('an agent that began while a node was away, in an epoch that is over since, is told of by its last value', async () => {
  const client = world.client(2);
  client.subscribe(AGENT.channel, null);
  await pass(10);
  const push = jest.spyOn(client.connection ?? fail(), 'push');
  world.node(0).link.cut();
  world.redis.publish(AGENT, 'idle');
  world.redis.publish(AGENT, 'running');
  for (const { link } of world.nodes) link.cut();
  world.redis.restart();
  await world.calm();
  expect(push.mock.calls.map(([frame]) => Buffer.from(frame).toString())).toEqual([expect.stringContaining('"seq":2')]);
});

function fail(): never {
  throw new Error('the client is not connected');
}
