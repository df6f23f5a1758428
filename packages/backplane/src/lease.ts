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
 * What one process at a time has. Its end is by Redis's clock, so a process that was paused can't know whether it still
 * has it: publish with `publishHeld`, which asks in the same step.
 */
export interface Lease extends HeldLease {
  /**
   * Takes it, or renews it: it lasts `ttlMs` from now.
   *
   * @returns whether it is ours now
   * @throws BackplaneUnavailableError when Redis does not answer: it may have been taken all the same;
   * FunctionUnavailableError
   */
  take(): Promise<boolean>;
  /**
   * Gives it up if it is ours; somebody else's stays.
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
  /** Token of this process, 1 to 128 bytes; random when absent. */
  holder?: string;
}

/** @throws RangeError when the name or `ttlMs` can't be one of a lease */
export function createLease({ redis, names, name, ttlMs, holder = randomUUID() }: LeaseOptions): Lease {
  const key = names.leaseKey(name);
  // To Redis, 0 means to give it up.
  if (!Number.isInteger(ttlMs) || ttlMs < 1) throw new RangeError(`a lease lasts whole ms, at least 1, not ${ttlMs}`);

  async function call(ms: number): Promise<boolean> {
    try {
      return (await redis.fcall('tickcast_lease', 1, key, holder, ms)) === 1;
    } catch (error) {
      throw explainFailure(error);
    }
  }

  return {
    key,
    holder,
    take: () => call(ttlMs),
    async release() {
      await call(0);
    },
  };
}
