import { randomUUID } from 'node:crypto';
import type { Commands } from './connections.ts';
import { explainFailure } from './errors.ts';
import type { Names } from './names.ts';

/** Any string in Redis that tells who holds something, by a token that nobody else has. */
export interface HeldLease {
  /** The Redis key. */
  readonly key: string;
  /** The token that must be its value. */
  readonly holder: string;
}

/**
 * What one process at a time has, for one term: once it had it and lost it, it needs a new `Lease`, with another holder,
 * so that what is still under way from the old term is refused. Its end is by Redis's clock, and a process that was paused
 * can't know whether it still has it: publish with `publishHeld`, which asks in the same step.
 */
export interface Lease extends HeldLease {
  /**
   * Takes it where it is free; once that succeeded, renews it where it is still ours. It lasts `ttlMs` from now.
   *
   * @returns whether it is ours now; after it was, false means that the term is over
   * @throws BackplaneUnavailableError when Redis does not answer: it may have been taken all the same;
   * FunctionUnavailableError
   */
  take(): Promise<boolean>;
  /**
   * Gives it up if it is ours; somebody else's stays. That ends the term.
   *
   * @throws BackplaneUnavailableError, FunctionUnavailableError: then it ends by itself
   */
  release(): Promise<void>;
}

export interface LeaseOptions {
  redis: Commands;
  names: Names;
  /** What is leased: 1 to 64 of `A-Za-z0-9._-`. */
  name: string;
  /** How long it lasts without being renewed, at most a day. */
  ttlMs: number;
  /** Token of this term, 1 to 128 bytes; random when absent. */
  holder?: string;
}

/** @throws RangeError when the name or `ttlMs` can't be one of a lease */
export function createLease({ redis, names, name, ttlMs, holder = randomUUID() }: LeaseOptions): Lease {
  const key = names.leaseKey(name);
  // To Redis, 0 means to give it up.
  if (!Number.isInteger(ttlMs) || ttlMs < 1) throw new RangeError(`a lease lasts whole ms, at least 1, not ${ttlMs}`);

  let taken = false;

  async function call(...args: Array<number | string>): Promise<boolean> {
    try {
      return (await redis.fcall('tickcast_lease', 1, key, holder, ...args)) === 1;
    } catch (error) {
      throw explainFailure(error);
    }
  }

  return {
    key,
    holder,
    async take() {
      const ours = taken ? await call(ttlMs, 'renew') : await call(ttlMs);
      taken ||= ours;
      return ours;
    },
    async release() {
      await call(0);
    },
  };
}
