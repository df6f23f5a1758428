import { withDeadline } from '@tickcast/backplane';
import { readQueueFigures } from '@tickcast/jobs';
import type { Queue } from 'bullmq';
import { Gauge, type Registry } from 'prom-client';

const READ_WITHIN_MS = 1000;

/** Registers what Prometheus reads of the queues. A queue that can't be read, as Redis is away, has no values. */
export function watchQueues(registry: Registry, queues: readonly Queue[]): void {
  const age = new Gauge({
    name: 'tickcast_queue_oldest_seconds',
    help: 'How long the oldest waiting job of a queue has waited',
    labelNames: ['queue'],
    registers: [],
  });
  const jobs = new Gauge({
    name: 'tickcast_queue_jobs',
    help: 'Jobs in a queue, by state',
    labelNames: ['queue', 'state'],
    registers: [],
    // Of both gauges: one reading for a scrape. The registry collects in the order of registration.
    async collect() {
      this.reset();
      age.reset();
      await Promise.all(
        queues.map(async (queue) => {
          const figures = await readInTime(queue);
          if (figures === null) return;
          const { oldestWaitingSeconds, ...byState } = figures;
          age.set({ queue: queue.name }, oldestWaitingSeconds);
          for (const [state, count] of Object.entries(byState)) this.set({ queue: queue.name, state }, count);
        }),
      );
    },
  });
  registry.registerMetric(jobs);
  registry.registerMetric(age);
}

async function readInTime(queue: Queue): Promise<Awaited<ReturnType<typeof readQueueFigures>> | null> {
  const tooLate = (): Error => new Error('too late');
  return withDeadline(readQueueFigures(queue), READ_WITHIN_MS, tooLate).catch(() => null);
}
