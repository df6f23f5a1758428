import { countSeats, withDeadline } from '@tickcast/backplane';
import { closeQueue, countWaiting, DEAD_LETTERS_QUEUE, openQueue } from '@tickcast/jobs';
import type { Bus } from '../bus.ts';
import type { Observation } from './observations.ts';
import type { AlertRule } from './rules.ts';

const READ_EVERY_MS = 2000;
const READ_WITHIN_MS = 1000;

interface FiguresOptions {
  bus: Bus;
  rules: readonly AlertRule[];
  onObservation: (observation: Observation) => void;
}

/** Reads what nobody publishes, as far as rules ask for it: how full the queues and the cluster are. Every 2 s. */
export function pollFigures({ bus, rules, onObservation }: FiguresOptions): { close(): Promise<void> } {
  const queues = queueNames(rules).map((name) => openQueue(name, bus));
  const readings: Array<() => Promise<Observation>> = queues.map((queue) => async () => {
    return { kind: 'queue', queue: queue.name, waiting: await countWaiting(queue) };
  });
  if (rules.some(({ watched }) => watched.type === 'cluster_near_cap')) {
    readings.push(async () => ({ kind: 'seats', seats: await countSeats(bus) }));
  }

  const polls = readings.map((read) => poll(read, { bus, onObservation }));
  return {
    async close() {
      for (const timer of polls) clearInterval(timer);
      await Promise.all(queues.map(closeQueue));
    },
  };
}

function poll(
  read: () => Promise<Observation>,
  { bus, onObservation }: Pick<FiguresOptions, 'bus' | 'onObservation'>,
): NodeJS.Timeout {
  let isReading = false;
  let told: string | null = null;
  const fail = ({ message: problem }: Error): null => {
    // The bus tells of a Redis that is away.
    if (!bus.up || problem === told) return null;
    told = problem;
    bus.log.warn({ problem }, 'figures that a rule looks at can not be read');
    return null;
  };
  const once = async (): Promise<void> => {
    // BullMQ's commands wait for Redis, however long it is away: one is enough.
    if (isReading) return;
    isReading = true;
    const answer = read().finally(() => (isReading = false));
    const observation = await withDeadline(answer, READ_WITHIN_MS).catch(fail);
    if (observation === null) return;
    told = null;
    onObservation(observation);
  };
  void once();
  return setInterval(() => void once(), READ_EVERY_MS);
}

function queueNames(rules: readonly AlertRule[]): string[] {
  const names = rules.flatMap(({ watched }) => {
    if (watched.type === 'queue_depth') return watched.queue;
    return watched.type === 'dead_letters' ? DEAD_LETTERS_QUEUE : [];
  });
  return [...new Set(names)];
}
