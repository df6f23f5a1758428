import { randomBytes } from 'node:crypto';
import type { HeldLease } from '@tickcast/backplane';
import type { PublishedAgentStatus } from '@tickcast/protocol';
import type { Bus } from '../bus.ts';
import type { Usage } from './process-usage.ts';

const FRESH_MS = 1000;

export type AgentState = 'starting' | 'running' | 'stopping' | 'stopped';

/** Reads what an agent says of itself, at the moment it says it. */
export interface Figures {
  usage(): Usage;
  /** Jobs that wait for it, as far as is known. Never rejects, and soon resolves: a change of state waits for it. */
  taskQueueSize(): Promise<number>;
}

/** What one agent publishes of itself, in order. */
export interface AgentReports {
  readonly state: AgentState | null;
  /** Published at once, whatever it takes. Resolves when Redis has it, or `signal` is aborted. */
  change(state: AgentState): Promise<void>;
  /** The same state with new figures; nothing while an earlier report is under way. */
  repeat(): Promise<void>;
  /** Likewise, and nothing when the last report was a moment ago. */
  refresh(): Promise<void>;
  /** When Redis last took a report, by `performance.now()`. */
  readonly reportedAt: number;
}

interface ReportsOptions {
  bus: Bus;
  agentId: string;
  figures: Figures;
  signal: AbortSignal;
  /** Of the duty as which it reports, where it is one. */
  held?: HeldLease;
}

/** @returns the reports of one agent. A failure is logged; the next report corrects it. */
export function createAgentReports({ bus, agentId, figures, signal, held }: ReportsOptions): AgentReports {
  // Two processes of one name, or one that was restarted, must not take each other's events for their own.
  const run = randomBytes(6).toString('hex');
  let count = 0;
  let state: AgentState | null = null;
  let reportedAt = performance.now();
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();

  const publish = async (toSay: AgentState): Promise<void> => {
    const { cpu, memory, memoryPercent } = figures.usage();
    const frame: PublishedAgentStatus & { data: { memory_percent?: number } } = {
      type: 'agent_status',
      agent_id: agentId,
      data: {
        status: toSay,
        cpu_usage: cpu,
        memory_usage: memory,
        task_queue_size: await figures.taskQueueSize(),
        last_update: Date.now() / 1000,
        // One process that reports as two agents would raise each alert on its memory twice.
        ...(held === undefined ? { memory_percent: memoryPercent } : {}),
      },
    };
    const event = { id: { channel: 'agent_status', key: agentId }, frame, eventId: `${run}-${++count}` } as const;
    await bus.publishSurely(event, held === undefined ? { signal } : { signal, held });
    reportedAt = performance.now();
  };

  const queue = (toSay: AgentState): Promise<void> => {
    waiting += 1;
    last = last
      .then(() => publish(toSay))
      .catch((error: Error) => {
        if (!signal.aborted) bus.log.warn({ agent: agentId, problem: error.message }, 'an agent could not report');
      })
      .finally(() => (waiting -= 1));
    return last;
  };

  const repeat = (): Promise<void> => (state === null || waiting > 0 ? last : queue(state));

  return {
    get state() {
      return state;
    },
    change(next) {
      state = next;
      return queue(next);
    },
    refresh: () => (performance.now() - reportedAt < FRESH_MS ? last : repeat()),
    repeat,
    get reportedAt() {
      return reportedAt;
    },
  };
}
