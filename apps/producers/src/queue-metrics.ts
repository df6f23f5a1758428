import { withDeadline } from '@tickcast/backplane';
import { type QueueFigures, readQueueFigures } from '@tickcast/jobs';
import type { Queue } from 'bullmq';
import { Gauge, type Registry } from 'prom-client';

const READ_WITHIN_MS = 1000;
const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/** Registers what Prometheus reads of the queues. A queue that can't be read, as Redis is away, has no values. */
export function watchQueues(registry: Registry, queues: readonly Queue[]): void {
  // The registry asks all gauges at once: they share what was read.
  let reading: Promise<Array<QueueFigures | null>> | null = null;
  const eachQueue = async (show: (queue: string, figures: QueueFigures) => void): Promise<void> => {
    reading ??= Promise.all(queues.map(readInTime)).finally(() => (reading = null));
    for (const [index, figures] of (await reading).entries()) {
      if (figures !== null) show(queues[index]?.name ?? '', figures);
    }
  };

  const jobs = new Gauge({
    name: 'tickcast_queue_jobs',
    help: 'Jobs in a queue, by state',
    labelNames: ['queue', 'state'],
    registers: [registry],
    async collect() {
      this.reset();
      await eachQueue((queue, figures) => {
        for (const state of STATES) jobs.set({ queue, state }, figures[state]);
      });
    },
  });
  const oldest = new Gauge({
    name: 'tickcast_queue_oldest_seconds',
    help: 'How long the oldest waiting job of a queue has waited',
    labelNames: ['queue'],
    registers: [registry],
    async collect() {
      this.reset();
      await eachQueue((queue, { oldestWaitingSeconds }) => oldest.set({ queue }, oldestWaitingSeconds));
    },
  });
}

async function readInTime(queue: Queue): Promise<QueueFigures | null> {
  return withDeadline(readQueueFigures(queue), READ_WITHIN_MS).catch(() => null);
}
