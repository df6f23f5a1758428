/** Nodes and seats for the tests of seats. */
import { randomUUID } from 'node:crypto';
import { createNames } from '../src/names.ts';
import { createSeats, type HeldSeat, type Seated, type Seats, type SeatsOptions } from '../src/seats.ts';
import type { Commands } from '../src/connections.ts';
import { redisNowMs } from './on-redis.ts';

export const names = createNames();
export const KEYS = {
  leases: names.seats.key,
  state: `${names.seats.key}:state`,
  record: (id: string) => `${names.seats.key}:seat:${id}`,
};

/** One node: `name` is also its id. */
export function nodeOn(redis: Commands, name: string, options: Partial<SeatsOptions> = {}): Seats {
  return createSeats({ redis, names, node: name, ttlMs: 15_000, maxSeats: 3, ...options });
}

/** Takes a seat, which must succeed. */
export async function seat(node: Seats, sub: string, brought?: string): Promise<HeldSeat & Seated & { sub: string }> {
  const reply = await node.take({ sub, newId: randomUUID(), ...(brought === undefined ? {} : { seat: brought }) });
  if (reply.status !== 'seated') throw new Error(`expected a seat, got ${JSON.stringify(reply)}`);
  return { ...reply, sub };
}

/** As if nobody had called for that long: the registry's own note of its last call is put back. */
export async function pretendQuiet(redis: Commands, ms: number): Promise<void> {
  const lastCall = Number(await redis.hget(KEYS.state, 'last_call'));
  await redis.hset(KEYS.state, 'last_call', lastCall - ms);
}

/** As if the lease of a seat had ended a moment ago. */
export async function endLease(redis: Commands, id: string): Promise<void> {
  await redis.zadd(KEYS.leases, 'XX', (await redisNowMs(redis)) - 1000, id);
}

/** As if the hold that is on were over. */
export async function endHold(redis: Commands): Promise<void> {
  await redis.hset(KEYS.state, 'hold_until', 0);
}
