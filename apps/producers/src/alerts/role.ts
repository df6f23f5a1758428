import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { HeldLease } from '@tickcast/backplane';
import type { Registry } from 'prom-client';
import type { Bus } from '../bus.ts';
import { type Role, runDuty } from '../duty.ts';
import { untilAnswered } from '../until-answered.ts';
import { createAlertMetrics } from './alert-metrics.ts';
import { type Condition, createCondition } from './conditions.ts';
import { type Change, createEpisodes } from './episodes.ts';
import { pollFigures } from './figures.ts';
import type { Observation } from './observations.ts';
import { createRecordStore } from './record-store.ts';
import type { Clock } from './redis-clock.ts';
import { type AlertRule, covers, symbolsOf } from './rules.ts';
import { createTeller } from './teller.ts';
import { openWatch } from './watch.ts';

const NAME = 'alerts';
const EVALUATE_MS = 250;

interface AlertsOptions {
  bus: Bus;
  rules: readonly AlertRule[];
  /** The seats that the whole cluster may have. */
  maxConnections: number;
  registry: Registry;
}

/** Watches what flows and the system itself by rules, and publishes alerts: one worker of the cluster at a time. */
export function createAlertsRole({ bus, rules, maxConnections, registry }: AlertsOptions): Role {
  const metrics = createAlertMetrics(registry, rules);

  async function work(held: HeldLease, signal: AbortSignal): Promise<void> {
    const records = await readRecords(bus, held, signal);
    const isLive = ({ rule, subject }: Change): boolean =>
      rules.some((known) => known.name === rule && covers(known, subject));
    const episodes = createEpisodes(records.filter(isLive));
    const teller = createTeller({
      bus,
      held,
      signal,
      onTold(alert, { rule, subject }) {
        metrics.told(rule, alert.data.state);
        bus.log.info({ rule, subject, state: alert.data.state }, alert.data.message);
        return episodes.told(rule, subject);
      },
    });
    teller.add(inOrder(records).map((change) => (isLive(change) ? change : { ...change, record: null })));

    let watched: { clock: Clock; conditions: Map<AlertRule, Condition> } | null = null;
    const onObservation = (observation: Observation): void => {
      for (const condition of watched?.conditions.values() ?? []) condition.observe(observation);
    };
    const watch = openWatch({
      bus,
      symbols: symbolsOf(rules),
      onBegin(clock) {
        const surroundings = { beganAt: clock(), maxConnections };
        const conditions = new Map(rules.map((rule) => [rule, createCondition(rule.watched, surroundings)]));
        watched = { clock, conditions };
      },
      onObservation,
      onEnd: () => (watched = null),
    });
    const figures = pollFigures({ bus, rules, onObservation });

    const evaluate = (): void => {
      if (watched === null) return;
      const now = watched.clock();
      for (const [rule, condition] of watched.conditions) {
        teller.add(episodes.judge(rule, condition.threshold, condition.readings(now), now));
        metrics.firing(rule.name, episodes.openCount(rule.name));
      }
    };

    try {
      while (teller.failure === null) {
        await sleep(EVALUATE_MS, undefined, { signal });
        // Timers come before sockets: in a process that was held up, what would prove a feed alive still waits there.
        await nextTurn(undefined, { signal });
        evaluate();
      }
      throw teller.failure;
    } finally {
      watch.close();
      await Promise.all([figures.close(), teller.idle()]);
      for (const { name } of rules) metrics.firing(name, 0);
    }
  }

  return {
    name: NAME,
    run: (signal) => runDuty({ bus, name: NAME, signal, work }),
  };
}

async function readRecords(bus: Bus, held: HeldLease, signal: AbortSignal): Promise<Change[]> {
  const store = createRecordStore(bus, held);
  let isTold = false;
  return untilAnswered(
    () =>
      store.read().catch((error: Error) => {
        if (!isTold)
          bus.log.warn({ problem: error.message }, 'the state of the alerts could not be read: it is tried again');
        isTold = true;
        throw error;
      }),
    signal,
  );
}

/** Alerts that were decided and perhaps not told come in the order in which they were decided. */
function inOrder(records: readonly Change[]): Change[] {
  const decidedAt = ({ record }: Change): number => record?.untold?.data.timestamp ?? 0;
  return records.toSorted((a, b) => decidedAt(a) - decidedAt(b));
}
