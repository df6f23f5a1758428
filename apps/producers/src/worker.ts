import { setMaxListeners } from 'node:events';
import { withDeadline } from '@tickcast/backplane';
import { BACKTESTS_QUEUE, closeQueue, countWaiting, DEAD_LETTERS_QUEUE, openQueue } from '@tickcast/jobs';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { openAdmin } from './admin.ts';
import { runCoordinator } from './agents/coordinator.ts';
import { startOwnAgent } from './agents/own-agent.ts';
import { measureUsage } from './agents/process-usage.ts';
import { createAlertsRole } from './alerts/role.ts';
import type { AlertRule } from './alerts/rules.ts';
import { createBacktestsRole } from './backtests/role.ts';
import { scheduleSampleBacktest } from './backtests/sample.ts';
import { openBus } from './bus.ts';
import type { ProducersConfig } from './config.ts';
import type { Role } from './duty.ts';
import type { Feed } from './market/feed.ts';
import { createMarketRole } from './market/role.ts';
import { watchQueues } from './queue-metrics.ts';

const QUEUE_READ_MS = 1000;

export interface RunningWorker {
  /** Rejects when it can't do what it should, such as a feed whose file can't be read. */
  readonly failed: Promise<never>;
  /** Ends what is in hand or gives it back, says so as an agent, and closes everything. */
  stop(): Promise<void>;
}

interface WorkerParts {
  config: ProducersConfig;
  /** null where this worker does not do `market`. */
  feed: Feed | null;
  rules: readonly AlertRule[];
  log: Logger;
}

/** @throws when the admin port can't be listened on; a Redis that is away is waited for */
export async function startWorker({ config, feed, rules, log }: WorkerParts): Promise<RunningWorker> {
  const bus = openBus({ ...config, log });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'tickcast_' });
  const backtests = openQueue(BACKTESTS_QUEUE, bus);
  const queues = [backtests, openQueue(DEAD_LETTERS_QUEUE, bus)];
  watchQueues(registry, queues);

  const stop = new AbortController();
  // Every role listens to it, and everything under way in each.
  setMaxListeners(0, stop.signal);
  let isStopping = false;
  let wasReady = false;
  bus.onUp(() => (wasReady = true));
  const unreadyReason = (): string | null => {
    if (isStopping) return 'stopping';
    return wasReady ? null : `Redis was not reached yet: ${bus.problem ?? 'connecting'}`;
  };
  const admin = await openAdmin({
    ...config,
    unreadyReason,
    registry,
    queues,
    port: config.adminPort,
    board: config.queueBoard,
    onError: ({ message }) => log.warn({ problem: message }, 'the admin port has trouble'),
  });

  const roles: Role[] = [];
  if (feed !== null) roles.push(createMarketRole({ bus, feed, registry }));
  if (config.roles.has('backtests')) {
    const { dataDirectory, backtestConcurrency: concurrency } = config;
    roles.push(createBacktestsRole({ bus, registry, dataDirectory, concurrency }));
  }
  if (config.roles.has('alerts')) {
    roles.push(createAlertsRole({ bus, rules, maxConnections: config.maxConnections, registry }));
  }

  const usage = measureUsage();
  let lastCount = 0;
  const waitingBacktests = async (): Promise<number> => {
    const counting = countWaiting(backtests).then((waiting) => (lastCount = waiting));
    return withDeadline(counting, QUEUE_READ_MS).catch(() => lastCount);
  };
  const nothingWaits = async (): Promise<number> => 0;
  const coordinator = runCoordinator({
    bus,
    figures: { usage: usage.read, taskQueueSize: waitingBacktests },
    signal: stop.signal,
    onElected: () => scheduleSampleBacktest(backtests, config.sampleBacktestSeconds),
  });
  const agent = startOwnAgent({
    bus,
    agentId: config.agentId,
    figures: {
      usage: usage.read,
      taskQueueSize: config.roles.has('backtests') ? waitingBacktests : nothingWaits,
    },
  });
  const working = [coordinator, ...roles.map((role) => role.run(stop.signal))];
  const failed = new Promise<never>((_resolve, reject) => Promise.all(working).catch(reject));
  failed.catch(() => undefined);
  void agent.running();
  log.info({ roles: roles.map(({ name }) => name), adminPort: admin.port }, 'the worker runs');

  return {
    failed,
    async stop() {
      isStopping = true;
      await agent.stopping();
      stop.abort();
      await Promise.allSettled(working);
      await agent.stopped();
      usage.stop();
      admin.close();
      // Without Redis there is nothing to close, and closing would wait for it.
      if (bus.up) await Promise.all(queues.map(closeQueue));
      bus.close();
    },
  };
}
