import { createAgentRegistry, type HeldLease } from '@tickcast/backplane';
import { agentQueueName, closeQueue, openQueue } from '@tickcast/jobs';
import type { PublishedAgentStatus } from '@tickcast/protocol';
import type { Bus } from '../bus.ts';

const STOPPED = 'stopped';

/**
 * Reports each agent that has not renewed its registration in time as `stopped`: with nothing in use, and when it was
 * last heard of. Redis being away is waited out: the next call comes soon.
 */
export async function reportTheDead(bus: Bus, held: HeldLease, signal: AbortSignal): Promise<void> {
  const registry = createAgentRegistry(bus);
  const lapsed = await registry.lapsed().catch(() => []);
  for (const { agentId, lapsedAtMs, status, frame } of lapsed) {
    if (status !== STOPPED) {
      const obituary = stoppedFrame(agentId, lapsedAtMs, frame);
      const event = { id: { channel: 'agent_status', key: agentId }, frame: obituary } as const;
      await bus.publishSurely({ ...event, eventId: `stopped-${lapsedAtMs}` }, { signal, held });
      bus.log.warn({ agent: agentId }, 'an agent is gone: reported as stopped');
    }
    await registry.forget(agentId, lapsedAtMs).catch(() => undefined);
    await removeQueue(bus, agentId);
  }
}

function stoppedFrame(agentId: string, lapsedAtMs: number, last: Buffer | null): PublishedAgentStatus {
  const lastUpdate = last === null ? undefined : (JSON.parse(last.toString()) as PublishedAgentStatus).data.last_update;
  return {
    type: 'agent_status',
    agent_id: agentId,
    data: {
      status: STOPPED,
      cpu_usage: 0,
      memory_usage: 0,
      task_queue_size: 0,
      last_update: lastUpdate ?? lapsedAtMs / 1000,
    },
  };
}

/** A worker's own queue has nobody left who would take a job of it. */
async function removeQueue(bus: Bus, agentId: string): Promise<void> {
  const queue = openQueue(agentQueueName(agentId), bus);
  queue.on('error', () => undefined);
  await queue.obliterate({ force: true }).catch(() => undefined);
  await closeQueue(queue);
}
