import { beforeAll, expect, test } from '@jest/globals';
import { eventually } from '@tickcast/testing';
import * as fc from 'fast-check';
import { backplaneOnRedis, goodFrame, type OnRedis, openCommands, quotesOf } from '../test/on-redis.ts';
import { createLease, type Lease } from './lease.ts';

let { server, redis, names, publisher } = {} as OnRedis;
beforeAll(async () => {
  ({ server, redis, names, publisher } = await backplaneOnRedis());
});

/** Long enough that none ends while a test looks elsewhere. */
const LONG_MS = 60_000;
let leases = 0;
/** Two processes that want the same, which nobody else wants. */
function contenders(ttlMs = LONG_MS): [Lease, Lease] {
  const name = `lease-${++leases}`;
  return [createLease({ redis, names, name, ttlMs }), createLease({ redis, names, name, ttlMs })];
}

test('who comes first has the lease, and no other until it is given up', async () => {
  const [a, b] = contenders();
  expect([await a.take(), await b.take(), await a.take()]).toEqual([true, false, true]);
  expect(await redis.get(a.key)).toBe(a.holder);
  await b.release();
  expect(await b.take()).toBe(false);
  await a.release();
  expect(await b.take()).toBe(true);
});

test('a lease lasts its time from when it was last renewed, and is anybody’s then', async () => {
  const [a, b] = contenders();
  await a.take();
  expect(await redis.pttl(a.key)).toBeGreaterThan(LONG_MS - 10_000);
  await redis.pexpire(a.key, LONG_MS - 30_000);
  await a.take();
  expect(await redis.pttl(a.key)).toBeGreaterThan(LONG_MS - 10_000);
  await redis.pexpire(a.key, 1);
  await eventually(() => b.take());
  expect(await a.take()).toBe(false);
});

test('a term that ended does not go on, though nobody else took the lease: its late calls must not pass', async () => {
  const [a, b] = contenders(1);
  await a.take();
  await eventually(async () => (await redis.exists(a.key)) === 0);
  expect([await a.take(), await redis.exists(a.key)]).toEqual([false, 0]);
  expect(await b.take()).toBe(true);
});

test('a process can take up the term that it had, by its holder', async () => {
  const again = () => createLease({ redis, names, name: 'again', ttlMs: LONG_MS, holder: 'worker-1' });
  expect([await again().take(), await again().take()]).toEqual([true, true]);
});

test('a hundred at once: one has it', async () => {
  const all = Array.from({ length: 100 }, () => createLease({ redis, names, name: 'crowd', ttlMs: LONG_MS }));
  expect((await Promise.all(all.map((lease) => lease.take()))).filter(Boolean)).toHaveLength(1);
});

type Step = [who: number, what: 'take' | 'publish' | 'release' | 'its time is over'];
const step = fc.tuple(fc.nat(2), fc.constantFrom<Step[1]>('take', 'publish', 'release', 'its time is over'));
const QUOTE = { id: quotesOf('HELD'), frame: goodFrame(quotesOf('HELD')) };

/**
 * Who may do it, by the rule: whoever takes a lease that is free holds it until he gives it up, or its time is over; his
 * term is over then, and his next call begins another one.
 */
function expectedOf(steps: readonly Step[]): boolean[] {
  const hadIt = new Set<number>();
  let holder: number | null = null;
  return steps.map(([who, what]) => {
    if (what === 'take' && !hadIt.has(who)) holder ??= who;
    const may = holder === who;
    if (what === 'take' && may) hadIt.add(who);
    else if (what === 'take') hadIt.delete(who);
    if (what === 'its time is over' || (what === 'release' && may)) holder = null;
    return may;
  });
}

/** @returns whether it was taken or published; for what answers nothing, whether `who` had the lease before */
async function carryOut(lease: Lease, what: Step[1]): Promise<boolean> {
  if (what === 'take') return lease.take();
  if (what === 'publish') {
    const published = publisher.publishHeld(lease, [QUOTE]);
    return published.then(
      () => true,
      ({ code }: { code: unknown }) => code !== 'lease_lost',
    );
  }
  const had = (await redis.get(lease.key)) === lease.holder;
  await (what === 'release' ? lease.release() : redis.del(lease.key));
  return had;
}

test('whatever three do, in any order: one at most holds it, and only that one publishes', async () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(steps, async (all: readonly Step[]) => {
      const name = `lease-${++leases}`;
      const newTerm = () => createLease({ redis, names, name, ttlMs: LONG_MS });
      const terms = [newTerm(), newTerm(), newTerm()];
      const done: boolean[] = [];
      for (const [who, what] of all) {
        const ours = await carryOut(terms[who] ?? newTerm(), what);
        if (what === 'take' && !ours) terms[who] = newTerm();
        done.push(ours);
      }
      expect(done).toEqual(expectedOf(all));
    }),
    { numRuns: 50 },
  );
});

test('a name or a time that no lease can have is refused before Redis is asked', () => {
  for (const name of ['', 'a b', '{a}', 'a:b', 'x'.repeat(65)]) {
    expect(() => createLease({ redis, names, name, ttlMs: 1000 })).toThrow(RangeError);
  }
  for (const ttlMs of [0, -1, 0.5, Number.NaN]) {
    expect(() => createLease({ redis, names, name: 'x', ttlMs })).toThrow(RangeError);
  }
});

const BAD_CALLS: Array<[string, string[], string[], RegExp]> = [
  ['without a lease', [], ['me', '1000'], /call it as FCALL tickcast_lease 1/],
  ['without ms', ['tickcast:{lease:x}'], ['me'], /call it as FCALL tickcast_lease 1/],
  [
    'with another key than a lease',
    ['tickcast:{alerts}'],
    ['me', '1000'],
    /name it like tickcast:\{lease:my-service\}/,
  ],
  ['with a lease without a name', ['tickcast:{lease:}'], ['me', '1000'], /name it like/],
  ['with something behind the name', ['tickcast:{lease:x}:y'], ['me', '1000'], /name it like/],
  ['with a long name', [`tickcast:{lease:${'x'.repeat(65)}}`], ['me', '1000'], /name it like/],
  ['without a holder', ['tickcast:{lease:x}'], ['', '1000'], /the holder has 0 bytes; give it 1 to 128/],
  ['with a long holder', ['tickcast:{lease:x}'], ['x'.repeat(129), '1000'], /the holder has 129 bytes/],
  ...['-1', '1.5', '', 'soon', '86400001'].map((ms): [string, string[], string[], RegExp] => [
    `with ${ms || 'no'} ms`,
    ['tickcast:{lease:x}'],
    ['me', ms],
    /the ms must be a whole number from 0 to 86400000/,
  ]),
];

test.each(BAD_CALLS)('tickcast_lease called %s says what is wrong', async (_, keys, args, message) => {
  const call = redis.fcall('tickcast_lease', keys.length, ...keys, ...args);
  await expect(call).rejects.toThrow(new RegExp(`^ERR tickcast: .*${message.source}`));
  expect(await redis.exists(...(keys.length > 0 ? keys : ['none']))).toBe(0);
});

test('without the Function or without Redis, who wants a lease is told which it is', async () => {
  const bare = await openCommands(server.url);
  const lease = createLease({ redis: bare, names, name: 'last', ttlMs: LONG_MS });
  await server.cli('FUNCTION', 'FLUSH');
  await expect(lease.take()).rejects.toMatchObject({ code: 'function_unavailable' });
  await expect(lease.release()).rejects.toMatchObject({ code: 'function_unavailable' });
  await server.stop();
  await expect(lease.take()).rejects.toMatchObject({ code: 'backplane_unavailable' });
});
