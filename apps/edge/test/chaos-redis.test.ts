/**
 * SPEC 3 and 1, while Redis fails: of every stream each client gets all that was published, or is told what it lost; nothing
 * twice, nothing out of order; no seat over the cap, and nobody's place given away. Each of three clusters suffers one fault after the other.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ChaosClusters, startChaosClusters } from './support/chaos.ts';

let chaos: ChaosClusters;

beforeAll(async () => {
  chaos = await startChaosClusters([31, 35, 38]);
}, 60_000);
afterAll(() => chaos.end());

test.concurrent.each([
  ['Redis is down for 5 s and comes back with its data', 'redis-restart'],
  ['Redis is down for 5 s and comes back empty', 'redis-empty'],
  ['Redis is down for 5 s and comes back with an older copy of its data', 'redis-rollback'],
  ['all data of Redis is flushed', 'redis-flush'],
  ['Redis hangs for moments', 'redis-hiccups'],
  [
    'Redis hangs for 20 s, which is noticed in 5 s, refuses newcomers in 1 s, and is over 3 s after its return',
    'redis-stop',
  ],
  ['Redis restarts before the first event of a stream and again after it', 'redis-restart-fresh'],
  ['single messages are lost on their way, the last of each stream too', 'messages-dropped'],
  ['Redis drops its subscribers again and again', 'subscribers-killed'],
  ['Redis cuts off a subscriber that can not keep up', 'subscriber-overrun'],
  ['what is not an event is published, 64 MB of it in one message', 'poison'],
])(
  'nothing is lost silently, doubled or out of order, and nobody loses a place, when %s',
  async (_, fault) => {
    expect(await chaos.suffer(fault)).toEqual([]);
  },
  // A fault waits for those before it on its cluster.
  240_000,
);

test('in the end every client has its place and all that it was due', async () => {
  expect(await chaos.settle()).toEqual([]);
}, 90_000);
