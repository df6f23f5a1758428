import type { HeldLease } from '@tickcast/backplane';
import type { Bus } from '../bus.ts';
import { hasCode } from '../errors.ts';
import { untilAnswered } from '../until-answered.ts';
import type { Alert } from './alert.ts';
import type { Change } from './episodes.ts';
import { createRecordStore } from './record-store.ts';

/** Redis does nothing else meanwhile, and a command has an end. */
const CHANGES_A_WRITE = 500;

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
  const waiting: Change[] = [];
  let working: Promise<void> | null = null;
  let failure: Error | null = null;

  function enqueue(changes: readonly Change[]): void {
    for (const change of changes) waiting.push(change);
  }

  async function publish({ eventId, data }: Alert): Promise<void> {
    try {
      const event = { id: { channel: 'alerts', key: null }, frame: { type: 'alerts', data }, eventId } as const;
      await bus.publishSurely(event, { signal, held });
    } catch (error) {
      if (!hasCode(error, 'publish_refused')) throw error;
      bus.log.error({ rule: data.rule, problem: (error as Error).message }, 'Redis refused an alert: it is dropped');
    }
  }

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      const changes = waiting.splice(0, CHANGES_A_WRITE);
      await untilAnswered(
        () => store.write(changes),
        signal,
        (error) => hasCode(error, 'lease_lost'),
      );
      for (const change of changes) {
        const alert = change.record?.untold;
        if (!alert) continue;
        await publish(alert);
        enqueue(onTold(alert, change));
      }
    }
  }

  return {
    add(changes) {
      enqueue(changes);
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
