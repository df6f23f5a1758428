import type { Condition, Reading } from './conditions.ts';
import type { WatchedOf } from './rules.ts';

const STOPPING = 'stopping';
const STOPPED = 'stopped';
/** An agent that nobody has started again by then is not expected back. */
const GIVEN_UP_MINUTES = 10;
/** Workers get a new name with each start: what is left of the old ones is dropped, long after all was said of them. */
const FORGOTTEN_MS = 3_600_000;

/** So long Redis keeps an agent's last value. */
const SILENT_MS = 86_400_000;

interface Agent {
  status: string;
  /** Since when it is known to have that status. */
  since: number;
  heardAt: number;
}

function forget(agents: Map<string, Agent>, now: number): void {
  for (const [id, { status, since, heardAt }] of agents) {
    const isGone = status === STOPPED ? now - since >= FORGOTTEN_MS : now - heardAt >= SILENT_MS;
    if (isGone) agents.delete(id);
  }
}

/** An agent that stopped uses no memory, whatever it said last. */
export function agentMemory({ percent }: WatchedOf<'agent_memory'>): Condition {
  const agents = new Map<string, Agent & { inUse: number | null }>();
  const text = `内存使用率超过${percent}%`;
  return {
    threshold: percent,
    observe(seen) {
      if (seen.kind !== 'agent') return;
      const { agentId, status, memoryPercent, at } = seen;
      const heard = { status, since: at, heardAt: at };
      if (status === STOPPED) agents.set(agentId, { ...heard, inUse: null });
      else if (memoryPercent !== null) agents.set(agentId, { ...heard, inUse: memoryPercent });
    },
    readings(now) {
      forget(agents, now);
      return Array.from(agents, ([subject, { inUse: value }]) => {
        return { subject, value, firing: value !== null && value > percent, text };
      });
    },
  };
}

/** An agent that ends as it should says `stopping` before; one that says only `stopped` was killed. */
export function agentStopped(): Condition {
  /** `killed` is null when it is not known what an agent was before it stopped. */
  const agents = new Map<string, Agent & { killed: boolean | null }>();
  const lastWords = (id: string): string => `智能体 ${id} 停止已超过${GIVEN_UP_MINUTES}分钟，不再等待`;

  return {
    threshold: 1,
    observe(seen) {
      if (seen.kind !== 'agent') return;
      const { agentId, status, at } = seen;
      const before = agents.get(agentId);
      const killed = before === undefined ? null : before.status !== STOPPING;
      if (before?.status === status) before.heardAt = at;
      else agents.set(agentId, { status, since: at, heardAt: at, killed });
    },
    readings(now) {
      forget(agents, now);
      return Array.from(agents, ([subject, { status, since, killed }]): Reading | null => {
        const text = `智能体 ${subject} 意外停止`;
        if (status !== STOPPED) return { subject, value: 0, firing: false, text };
        const isGivenUp = now - since >= GIVEN_UP_MINUTES * 60_000;
        if (isGivenUp) return { subject, value: 1, firing: false, text, lastWords: lastWords(subject) };
        return killed === null ? null : { subject, value: killed ? 1 : 0, firing: killed, text };
      }).filter((reading) => reading !== null);
    },
  };
}
