import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, type FaultContext, anyNode } from './fault.ts';

/** Longer than a lease and the second that an edge may be late with its renewal. */
const PAST_LEASES_MS = 20_000;
const GRACE_MS = 5000;

/** An edge ends, stops, or is cut off from Redis. */
export const EDGE_FAULTS: readonly Fault[] = [
  {
    name: 'edge-killed',
    about: 'an edge is killed in a burst of alerts; clients come back elsewhere',
    part: 'node',
    async run(context) {
      const { world, random } = context;
      const node = anyNode(context);
      const burst = world.publishers.burst('alerts', 100);
      await sleep(random() * 20);
      await node.edge.kill();
      await burst;
      await world.publishers.burst('alerts', 20);
      await sleep(2000 + random() * 2000);
      await world.replaceEdge(node);
    },
  },
  {
    name: 'edge-drained',
    about: 'an edge is asked to end with the cluster full: closes are spread, it exits 0, nobody loses a seat',
    part: 'node',
    async run(context) {
      const { world, alone } = context;
      const node = anyNode(context);
      const since = performance.now();
      const [{ code, signal }] = await Promise.all([node.edge.stop(), world.publishers.burst('alerts', 20)]);
      const tookMs = Math.round(performance.now() - since);
      if (alone && (code !== 0 || tookMs > world.drainMs + GRACE_MS)) {
        world.violation(`node ${node.index}`, `ended with ${signal ?? code} after ${tookMs} ms`);
      }
      await world.replaceEdge(node);
    },
  },
  {
    name: 'edge-stopped',
    about: 'an edge is stopped past its leases and goes on',
    part: 'node',
    async run(context) {
      const { edge } = anyNode(context);
      await withSeatsAtRisk(context, async () => {
        edge.pause();
        await sleep(PAST_LEASES_MS);
        edge.resume();
      });
    },
  },
  {
    name: 'partition',
    about: 'an edge and Redis do not hear each other for longer than a lease, and nobody is told',
    part: 'node',
    async run(context) {
      const { toRedis } = anyNode(context);
      await withSeatsAtRisk(context, async () => {
        toRedis.stall();
        await sleep(PAST_LEASES_MS);
        toRedis.heal();
      });
    },
  },
  {
    name: 'partition-refused',
    about: 'an edge is thrown out by Redis and its connections are refused for longer than a lease',
    part: 'node',
    async run(context) {
      const { toRedis } = anyNode(context);
      await withSeatsAtRisk(context, async () => {
        toRedis.refuse();
        toRedis.reset();
        await sleep(PAST_LEASES_MS);
        toRedis.heal();
      });
    },
  },
  {
    name: 'partition-return',
    about: 'all clients break off while an edge and Redis do not hear each other, and some knock at that edge first',
    part: 'node',
    async run(context) {
      const { world } = context;
      const { toRedis } = anyNode(context);
      await withSeatsAtRisk(context, async () => {
        toRedis.stall();
        await sleep(500);
        for (const client of world.clients) client.drop();
        await sleep(10_000);
        toRedis.heal();
      });
    },
  },
  {
    name: 'deaf-edge',
    about: 'what Redis says to an edge waits for some seconds, while what the edge says arrives',
    part: 'node',
    async run(context) {
      const { toRedis } = anyNode(context);
      await withSeatsAtRisk(context, async () => {
        toRedis.stall('to-client');
        await sleep(3000 + context.random() * 5000);
        toRedis.heal();
      });
    },
  },
  {
    name: 'slow-network',
    about: 'the way between an edge and Redis is slow and uneven, and breaks now and then',
    part: 'node',
    async run(context) {
      const { toRedis } = anyNode(context);
      toRedis.shape({ latencyMs: 20, jitterMs: 60, maxPieceBytes: 100 });
      await sleep(3000);
      toRedis.reset();
      await sleep(3000);
      toRedis.heal();
    },
  },
];

/** Nodes that are away past their leases may find them given away (SPEC 1). */
async function withSeatsAtRisk({ world }: FaultContext, action: () => Promise<void>): Promise<void> {
  const pardon = world.seating.excuse('any');
  await action();
  await sleep(2000);
  pardon();
}
