/**
 * SPEC 3 and 1, while nodes, networks and clients fail: the same promises as when Redis does. One cluster suffers one fault
 * after the other.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Chaos } from '@tickcast/testing';
import { startSmallChaos, told } from './support/chaos.ts';

let chaos: Chaos;

beforeAll(async () => {
  chaos = await startSmallChaos(32);
}, 60_000);
afterAll(() => chaos.end());

test.each([
  ['a node is killed in a burst of alerts', 'edge-killed'],
  ['a node of a full cluster is asked to end, which it does in time and with status 0', 'edge-drained'],
  ['a node is stopped past its leases', 'edge-stopped'],
  ['a node and Redis do not hear each other for longer than a lease', 'partition'],
  ['clients come back while a node and Redis do not hear each other', 'partition-return'],
  ['Redis refuses a node for longer than a lease', 'partition-refused'],
  ['a node does not hear Redis, while Redis hears it', 'deaf-edge'],
  ['the way between a node and Redis is slow, uneven, and breaks', 'slow-network'],
  ['clients read 1 KB a second', 'slow-readers'],
  ['clients read nothing of more alerts than fit, and are sent away', 'unread-alerts'],
  ['clients vanish without a word', 'half-open-clients'],
  ['all clients come back at once', 'stampede'],
  ['one symbol has 1000 events a second', 'hot-symbol'],
  ['hundreds of alerts come at once', 'alert-storm'],
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
