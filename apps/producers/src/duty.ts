import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLease, type HeldLease, type Lease } from '@tickcast/backplane';
import type { Bus } from './bus.ts';

const LEASE_MS = 6000;
const RENEW_MS = 2000;
const CONTEND_MS = 1000;
const AWAY_MS = 100;

/** Part of a worker that can be turned off, and given to a service of one's own. */
export interface Role {
  readonly name: string;
  /** Works until aborted, then ends what it has in hand, and resolves. */
  run(signal: AbortSignal): Promise<void>;
}

interface Duty {
  bus: Bus;
  /** Of the lease: one worker of the cluster has it at a time. */
  name: string;
  signal: AbortSignal;
  /** Done while this worker leads. When `signal` aborts, it may still publish its last words with `held`. */
  work: (held: HeldLease, signal: AbortSignal) => Promise<void>;
}

/**
 * Does `work` whenever this worker leads: another one takes over within 8 s of its death, and at once when it stops.
 * A worker may believe for a moment that it still leads (it was paused, say), so what it publishes goes through
 * `publishHeld`, where Redis decides. Resolves when `signal` is aborted and the work has ended.
 */
export async function runDuty({ bus, name, signal, work }: Duty): Promise<void> {
  const log = bus.log.child({ duty: name });
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal }).catch(() => undefined);
  const newLease = (): Lease => createLease({ redis: bus.redis, names: bus.names, name, ttlMs: LEASE_MS });
  let lease = newLease();
  while (!signal.aborted) {
    const sentAt = performance.now();
    if (!(await takes(bus, lease))) {
      await pause(bus.up ? CONTEND_MS * (0.8 + 0.2 * Math.random()) : AWAY_MS);
      continue;
    }
    log.info('this worker leads');
    const problem = await lead(lease, { sentAt, signal, work });
    await lease.release().catch(() => undefined);
    if (signal.aborted) return;
    // A holder of its own for each term: what is under way from an earlier one is refused.
    lease = newLease();
    log.warn(problem === undefined ? {} : { problem }, 'this worker leads no more');
    await pause(CONTEND_MS);
  }
}

/** Works until the lease is lost, the work ends or the signal is aborted. @returns what went wrong, if anything */
async function lead(
  lease: Lease,
  { sentAt, signal, work }: { sentAt: number; signal: AbortSignal; work: Duty['work'] },
): Promise<string | undefined> {
  const over = new AbortController();
  const keeping = keep(lease, sentAt, over);
  let problem: string | undefined;
  const working = AbortSignal.any([signal, over.signal]);
  // Each of the many things under way may listen to it.
  setMaxListeners(0, working);
  try {
    await work(lease, working);
  } catch (error) {
    if (!signal.aborted && !over.signal.aborted) problem = (error as Error).message;
  }
  over.abort();
  await keeping;
  return problem;
}

/** Renews the lease until `over`, which it aborts when the lease is lost. */
async function keep(lease: Lease, sentAt: number, over: AbortController): Promise<void> {
  let heldFrom = sentAt;
  while (!over.signal.aborted) {
    await sleep(RENEW_MS, undefined, { signal: over.signal }).catch(() => undefined);
    if (over.signal.aborted) return;
    const askedAt = performance.now();
    const answer = await lease.take().catch(() => undefined);
    if (answer === true) heldFrom = askedAt;
    else if (answer === false || performance.now() - heldFrom > LEASE_MS) over.abort();
  }
}

async function takes(bus: Bus, lease: Lease): Promise<boolean> {
  try {
    return await lease.take();
  } catch (error) {
    bus.noteFailure(error);
    return false;
  }
}
