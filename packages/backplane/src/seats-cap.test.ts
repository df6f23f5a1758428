/** The cap, with many nodes at once. */
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type RedisServer, startRedis } from '@tickcast/testing';
import * as fc from 'fast-check';
import { openCommands } from '../test/on-redis.ts';
import { endHold, endLease, KEYS, nodeOn, pretendQuiet } from '../test/seat-clients.ts';
import type { Commands } from './connections.ts';
import type { HeldSeat, Seats } from './seats.ts';

let server: RedisServer;
let redis: Commands;
beforeAll(async () => {
  server = await startRedis();
  redis = await openCommands(server.url);
});
beforeEach(async () => {
  await redis.flushall();
});

test('8 nodes with 500 takes each fill exactly 1000 seats, and refuse every other client explicitly', async () => {
  const nodes = await Promise.all(
    Array.from({ length: 8 }, async (_, i) =>
      nodeOn(await openCommands(server.url, 20_000), `node${i}`, { maxSeats: 1000 }),
    ),
  );
  const takes = nodes.flatMap((node, n) =>
    Array.from({ length: 500 }, (_, i) => node.take({ sub: `u${n}-${i}`, newId: `s${n}-${i}` })),
  );
  const replies = await Promise.all(takes);
  expect(replies.filter(({ status }) => status === 'seated')).toHaveLength(1000);
  expect(replies.filter(({ status }) => status === 'full')).toHaveLength(3000);
  expect(Math.max(...replies.map(({ count }) => count))).toBe(1000);
  expect(await redis.zcard(KEYS.leases)).toBe(1000);
});

test('1000 seats are renewed in one call, each with its own result', async () => {
  const only = nodeOn(redis, 'only', { maxSeats: 1000 });
  const seats: HeldSeat[] = Array.from({ length: 1000 }, (_, i) => ({ id: `s${i}`, sub: 'u', gen: 1, deficitMs: 0 }));
  await only.renew(seats);
  await only.release({ id: 's700', sub: 'u', gen: 1, deficitMs: 0 });
  const { results, count } = await only.renew(seats);
  expect(results.map((result, i) => (result === 'ok' ? '' : `${i} ${result}`)).join('')).toBe('700 taken');
  expect([results.length, count]).toEqual([1000, 999]);
});

const CAP = 4;
const node = fc.nat({ max: 2 });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('take' as const), node, sub: fc.constantFrom('u', 'v') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('return' as const), node, pick: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('renew' as const), node }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('release', 'reserve', 'drain'), node, pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('end a lease', 'forget a record'), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('be quiet', 'end the hold', 'FLUSHALL') }) },
);

/** Every seat that was ever given, dead or alive: nodes here renew, release and bring back whatever they once had. */
interface World {
  nodes: Seats[];
  given: HeldSeat[];
}

async function walk(
  { nodes, given }: World,
  todo: typeof step extends fc.Arbitrary<infer T> ? T : never,
): Promise<void> {
  const at = 'node' in todo ? nodes[todo.node] : undefined;
  const picked = 'pick' in todo ? given[todo.pick % given.length] : undefined;
  if (at && (todo.do === 'take' || (todo.do === 'return' && picked))) {
    const sub = 'sub' in todo ? todo.sub : (picked?.sub ?? '');
    const brought = picked ? { seat: picked.id } : {};
    const reply = await at.take({ sub, newId: `s${given.length}`, ...brought });
    if (reply.status === 'seated') given.push({ id: reply.id, sub, gen: reply.gen, deficitMs: reply.deficitMs });
  } else if (at && todo.do === 'renew') await at.renew(given);
  else if (at && picked && todo.do === 'release') await at.release(picked);
  else if (at && picked && todo.do === 'reserve') await at.reserve(picked);
  else if (at && picked && todo.do === 'drain') await at.reserve({ ...picked, ms: 30_000 });
  else if (picked && todo.do === 'end a lease') await endLease(redis, picked.id);
  else if (picked && todo.do === 'forget a record') await redis.del(KEYS.record(picked.id));
  else if (todo.do === 'be quiet') await pretendQuiet(redis, 7000);
  else if (todo.do === 'end the hold') await endHold(redis);
  else if (todo.do === 'FLUSHALL') await redis.flushall();
}

test('whatever the nodes do, in whatever order, the seats never exceed the cap and no seat has two generations alive', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await redis.flushall();
      const world: World = { nodes: [0, 1, 2].map((i) => nodeOn(redis, `n${i}`, { maxSeats: CAP })), given: [] };
      for (const todo of steps) {
        await walk(world, todo);
        expect(await redis.zcard(KEYS.leases)).toBeLessThanOrEqual(CAP);
      }
      // The first renewal tells a registry that lost records which generations there are, the second who has the seat.
      const [first] = world.nodes;
      await first?.renew(world.given);
      const reply = await first?.renew(world.given);
      const alive = world.given.filter((_, i) => reply?.results[i] === 'ok').map(({ id }) => id);
      expect(alive).toEqual([...new Set(alive)]);
      expect(reply?.count).toBeLessThanOrEqual(CAP);
    }),
    { numRuns: 300 },
  );
});
