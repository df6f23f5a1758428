/**
 * SPEC 3 and 1, while nodes, networks and clients fail: the same promises as when Redis does. Each of three clusters
 * suffers one fault after the other.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type ChaosClusters, startChaosClusters } from './support/chaos.ts';

let chaos: ChaosClusters;

beforeAll(async () => {
  chaos = await startChaosClusters([32, 34, 36]);
}, 60_000);
afterAll(() => chaos.end());

test.concurrent.each([
  ['a node is killed in a burst of alerts', 'edge-killed'],
  ['a node of a full cluster is asked to end, which it does in time and with status 0', 'edge-drained'],
  ['a node and Redis do not hear each other for longer than a lease', 'partition'],
  ['Redis refuses a node for longer than a lease', 'partition-refused'],
  ['a node is stopped past its leases', 'edge-stopped'],
  ['clients come back while a node and Redis do not hear each other', 'partition-return'],
  ['clients vanish without a word', 'half-open-clients'],
  ['clients read 1 KB a second', 'slow-readers'],
  ['a node does not hear Redis, while Redis hears it', 'deaf-edge'],
  ['all clients come back at once', 'stampede'],
  ['the way between a node and Redis is slow, uneven, and breaks', 'slow-network'],
  ['one symbol has 1000 events a second', 'hot-symbol'],
  ['clients read nothing of more alerts than fit, and are sent away', 'unread-alerts'],
  ['hundreds of alerts come at once', 'alert-storm'],
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
