import { Counter, type Registry } from 'prom-client';

/** What this worker saw happen to the jobs of a queue. */
export interface JobMetrics {
  readonly stalled: Counter;
  readonly retried: Counter;
  readonly deadLettered: Counter;
}

export function registerJobMetrics(registry: Registry, queue: string): JobMetrics {
  const counter = (name: string, help: string): Counter => {
    const one = new Counter({
      name: `tickcast_jobs_${name}_total`,
      help,
      labelNames: ['queue'],
      registers: [registry],
    });
    // Seen from the start: what appears with its first event has no rise to be warned of.
    one.inc({ queue }, 0);
    return one;
  };
  return {
    stalled: counter('stalled', 'Jobs whose worker died or hung, found by this worker and given to another'),
    retried: counter('retried', 'Attempts at jobs that failed and will be tried again'),
    deadLettered: counter('dead_lettered', 'Jobs that failed for good'),
  };
}
