import { setTimeout as sleep } from 'node:timers/promises';
import { type HeldLease, PublishRefusedError } from '@tickcast/backplane';
import type { Bus } from '../bus.ts';
import type { Alert } from './alert.ts';
import type { Change } from './episodes.ts';
import { createRecordStore } from './record-store.ts';

const RETRY_MS = 250;

interface TellerOptions {
  bus: Bus;
  held: HeldLease;
  signal: AbortSignal;
  /** Redis has the alert, or will never take it. @returns what that changes */
  onTold: (alert: Alert, change: Change) => Change[];
}

export interface Teller {
  /** Takes what changed, in order: writes it down, then publishes the alerts in it. */
  add(changes: readonly Change[]): void;
  /** Why it can't go on. */
  readonly failure: Error | null;
  /** Resolves when nothing is under way any more; soon, once `signal` is aborted. */
  idle(): Promise<void>;
}

/**
 * Makes what was decided lasting, and then known. In this order, whoever takes over finds each alert that may have been
 * published, and publishes it again with the same id, which Redis takes once.
 */
export function createTeller({ bus, held, signal, onTold }: TellerOptions): Teller {
  const store = createRecordStore(bus, held);
  let waiting: Change[] = [];
  let working: Promise<void> | null = null;
  let failure: Error | null = null;

  async function write(changes: readonly Change[]): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await store.write(changes);
      } catch (error) {
        if (isLeaseLost(error)) throw error;
        await sleep(RETRY_MS, undefined, { signal });
      }
    }
  }

  async function publish({ eventId, data }: Alert): Promise<void> {
    try {
      const event = { id: { channel: 'alerts', key: null }, frame: { type: 'alerts', data }, eventId } as const;
      await bus.publishSurely(event, { signal, held });
    } catch (error) {
      if (!(error instanceof PublishRefusedError)) throw error;
      bus.log.error({ rule: data.rule, problem: error.message }, 'Redis refused an alert: it is dropped');
    }
  }

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      const changes = waiting;
      waiting = [];
      await write(changes);
      for (const change of changes) {
        const alert = change.record?.untold;
        if (!alert) continue;
        await publish(alert);
        waiting.push(...onTold(alert, change));
      }
    }
  }

  return {
    add(changes) {
      waiting.push(...changes);
      if (failure !== null || waiting.length === 0) return;
      working ??= work()
        .catch((error: Error) => (failure = error))
        .then(() => void (working = null));
    },
    get failure() {
      return failure;
    },
    idle: async () => working ?? undefined,
  };
}

function isLeaseLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'lease_lost';
}
