import type { Commands } from '@tickcast/backplane';

/** Answers ms by Redis's clock, with fractions: what workers on several machines agree on. */
export type Clock = () => number;

/**
 * Asks Redis for the time once, and counts on from there: neither steps of this machine's clock nor a Redis that is away
 * change it. Wrong by half a round trip at most.
 */
export async function readRedisClock(redis: Commands): Promise<Clock> {
  const askedAt = performance.now();
  const [seconds, micros] = await redis.time();
  const answeredAt = performance.now();
  const offset = Number(seconds) * 1000 + Number(micros) / 1000 - (askedAt + answeredAt) / 2;
  return () => performance.now() + offset;
}
