/** What a client that reads too slowly must get all the same. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { ModelWorld } from '../test/support/model-world.ts';

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

/** A client of the first node that has opted in, and has left as much unread as makes it slow. */
async function slowClient() {
  const client = world.client(2);
  client.subscribe(AGENT.channel, AGENT.key);
  await pass(10);
  client.stall();
  for (let time = 0; time < 13; time += 1) world.redis.publish(AGENT, 'idle');
  await pass(200);
  expect(client.connection?.subscriptions.asides.isPaused).toBe(true);
  return client;
}

test('refreshes of an agent wait for a slow client, and come as one', async () => {
  const client = await slowClient();
  for (let time = 0; time < 20; time += 1) world.redis.publish(AGENT, 'idle');
  await pass(200);
  client.read();
  expect(world.laggards([client], [AGENT])).toEqual([]);
  expect(client.closes).toEqual([]);
});

test('a change of status behind a refresh that made up for it is not merged away by the next change', async () => {
  const client = await slowClient();
  world.redis.publish(AGENT, 'running', [0]);
  world.redis.publish(AGENT, 'running');
  await pass(200);
  world.redis.publish(AGENT, 'idle');
  await pass(200);
  client.read();
  expect(world.laggards([client], [AGENT])).toEqual([]);
});

test('a client that says itself where it is gets no older snapshot behind', async () => {
  const client = await slowClient();
  client.subscribe(AGENT.channel, AGENT.key);
  for (let time = 0; time < 2; time += 1) world.redis.publish(AGENT, 'idle');
  await pass(200);
  const { epoch, seq } = world.redis.opened(AGENT);
  client.subscribe(AGENT.channel, AGENT.key, { epoch, seq: seq - 2 });
  await pass(200);
  client.read();
  await pass(200);
  world.redis.publish(AGENT, 'idle');
  await pass(200);
  expect(world.laggards([client], [AGENT])).toEqual([]);
});

test('a client that is ended by the answer to its own subscribe leaves nothing behind in the feed', async () => {
  const other = world.client(1);
  other.subscribe(AGENT.channel, AGENT.key);
  const client = await slowClient();
  const [subscription] = client.connection?.subscriptions.list() ?? [];
  for (let time = 0; time < 200 && client.connection?.isBufferFull === false; time += 1) {
    world.redis.publish(AGENT, time % 2 === 0 ? 'running' : 'idle');
    await pass(30);
  }
  client.subscribe(AGENT.channel, AGENT.key);
  await pass(100);
  expect(client.connection).toBeNull();
  expect(subscription?.feed.asides.size).toBe(0);
});

test('quotes that fill the buffer over its bound in one turn cost the client no alert', async () => {
  const client = world.client(2);
  client.subscribe('alerts', null);
  await pass(10);
  const { connection } = client;
  const socket = connection?.socket as unknown as { buffered: number };
  client.stall();
  socket.buffered += world.node(0).maxBufferedBytes * 3;
  world.redis.publish({ channel: 'alerts', key: null }, 'an alert');
  await pass(200);
  connection?.reply({ type: 'pong', server_time: 1 });
  world.redis.publish({ channel: 'alerts', key: null }, 'an alert');
  await pass(200);
  expect(client.closes).toEqual([]);
  socket.buffered += world.node(0).maxBufferedBytes;
  world.redis.publish({ channel: 'alerts', key: null }, 'an alert');
  await pass(200);
  expect(client.closes).toHaveLength(1);
});
