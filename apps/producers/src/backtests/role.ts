import { BACKTESTS_QUEUE } from '@tickcast/jobs';
import { TERMINAL_STATUSES } from '@tickcast/protocol';
import { Counter, type Registry } from 'prom-client';
import type { Bus } from '../bus.ts';
import type { Role } from '../duty.ts';
import { registerJobMetrics } from '../jobs/job-metrics.ts';
import { runJobWorker } from '../jobs/job-worker.ts';
import { endFailed, runBacktest } from './runner.ts';
import { createTurns } from './turns.ts';

interface BacktestsRoleOptions {
  bus: Bus;
  registry: Registry;
  /** Folder of the files that backtests may read. */
  dataDirectory: string;
  /** Backtests at a time. They share the one core that a process has. */
  concurrency: number;
}

/** Takes backtests from the queue `backtests` and runs them. */
export function createBacktestsRole({ bus, registry, dataDirectory, concurrency }: BacktestsRoleOptions): Role {
  const finished = new Counter({
    name: 'tickcast_backtests_finished_total',
    help: 'Backtests whose end this worker published, by status',
    labelNames: ['status'],
    registers: [registry],
  });
  for (const status of TERMINAL_STATUSES) finished.inc({ status }, 0);
  const metrics = registerJobMetrics(registry, BACKTESTS_QUEUE);
  const runner = { bus, dataDirectory, turns: createTurns(), onEnd: (status: string) => finished.inc({ status }) };
  return {
    name: 'backtests',
    run: (signal) =>
      runJobWorker<unknown>(
        {
          bus,
          queue: BACKTESTS_QUEUE,
          concurrency,
          metrics,
          work: (inHand) => runBacktest(runner, inHand),
          onFailed: (inHand, error) => endFailed(runner, inHand, error),
        },
        signal,
      ),
  };
}
