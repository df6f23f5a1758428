import { createAgentRegistry, type HeldLease, withDeadline } from '@tickcast/backplane';
import { agentQueueName, closeQueue, openQueue } from '@tickcast/jobs';
import type { PublishedAgentStatus } from '@tickcast/protocol';
import type { Bus } from '../bus.ts';
import { hasCode } from '../errors.ts';

const STOPPED = 'stopped';
/** After an outage every registration is over, until each agent has come back and renewed it. */
const AFTER_OUTAGE_MS = 8000;
const REMOVE_WITHIN_MS = 2000;

/**
 * Reports each agent that has not renewed its registration in time as `stopped`: with nothing in use, and when it was
 * last heard of. Redis being away is waited out: the next call comes soon.
 */
export async function reportTheDead(bus: Bus, held: HeldLease, signal: AbortSignal): Promise<void> {
  if (performance.now() - bus.upSince < AFTER_OUTAGE_MS) return;
  const registry = createAgentRegistry(bus);
  const lapsed = await registry.lapsed().catch(() => []);
  for (const { agentId, lapsedAtMs, status, frame } of lapsed) {
    if (status !== STOPPED) {
      const id = { channel: 'agent_status', key: agentId } as const;
      const event = { id, frame: stoppedFrame(agentId, lapsedAtMs, frame), eventId: `stopped-${lapsedAtMs}` };
      await bus.publishSurely(event, { signal, held }).then(
        () => bus.log.warn({ agent: agentId }, 'an agent is gone: reported as stopped'),
        (error: Error) => {
          // What somebody else has written into its stream must not keep the others from being missed.
          if (!hasCode(error, 'publish_refused')) throw error;
          bus.log.warn({ agent: agentId, problem: error.message }, 'an agent is gone, and that could not be reported');
        },
      );
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
  await withDeadline(queue.obliterate({ force: true }), REMOVE_WITHIN_MS).catch(() => undefined);
  await closeQueue(queue);
}
