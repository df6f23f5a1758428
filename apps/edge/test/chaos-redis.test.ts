/**
 * SPEC 3 and 1, while Redis fails: of every stream each client gets all that was published, or is told what it lost; nothing
 * twice, nothing out of order; no seat over the cap, and nobody's place given away. One cluster suffers one fault after the other.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Chaos } from '@tickcast/testing';
import { startSmallChaos, told } from './support/chaos.ts';

let chaos: Chaos;

beforeAll(async () => {
  chaos = await startSmallChaos(31);
}, 60_000);
afterAll(() => chaos.end());

test.each([
  ['Redis is down for 5 s and comes back with its data', 'redis-restart'],
  ['Redis is down for 5 s and comes back with an older copy of its data', 'redis-rollback'],
  ['Redis is down for 5 s and comes back empty', 'redis-empty'],
  ['all data of Redis is flushed', 'redis-flush'],
  [
    'Redis hangs for 20 s, which is noticed in 5 s, refuses newcomers in 1 s, and is over 3 s after its return',
    'redis-stop',
  ],
  ['Redis hangs for moments', 'redis-hiccups'],
  ['Redis restarts before the first event of a stream and again after it', 'redis-restart-fresh'],
  ['Redis drops its subscribers again and again', 'subscribers-killed'],
  ['Redis cuts off a subscriber that can not keep up', 'subscriber-overrun'],
  ['single messages are lost on their way, the last of each stream too', 'messages-dropped'],
  ['what is not an event is published, 64 MB of it in one message', 'poison'],
])(
  'nothing is lost silently, doubled or out of order, and nobody loses a place, when %s',
  async (_, fault) => {
    expect(told(await chaos.suffer(fault))).toEqual([]);
  },
  90_000,
);

test('in the end every client has its place and all that it was due', async () => {
  expect(told(await chaos.settle())).toEqual([]);
}, 90_000);
