import type { Commands } from './connections.ts';
import { BackplaneUnavailableError, explainFailure } from './errors.ts';
import type { Names } from './names.ts';

/** An agent that did not come again in its time. */
export interface LapsedAgent {
  readonly agentId: string;
  /** The end of its time: Unix ms by Redis's clock. */
  readonly lapsedAtMs: number;
  /** The status last published for it; '' when there is none, or it has expired. */
  readonly status: string;
  /** The frame last published for it, likewise. */
  readonly frame: Buffer | null;
}

/** Which agents live. All of it throws FunctionUnavailableError, BackplaneUnavailableError, and can be called again. */
export interface AgentRegistry {
  /**
   * Registers the agent, or renews: it must come again within `seconds`, 1 to 86400, or it is a lapsed one.
   *
   * @returns the status last published for it; '' when there is none
   * @throws RangeError when the id can't be one of an agent, or `seconds` is no such number
   */
  renew(agentId: string, seconds: number): Promise<string>;
  /** Takes it out: it won't be missed. */
  leave(agentId: string): Promise<void>;
  /** Those whose time is over, the longest first, at most 100: forget them to see the rest. */
  lapsed(): Promise<LapsedAgent[]>;
  /** Takes a lapsed agent out, unless it came back: its time is another one then. */
  forget(agentId: string, lapsedAtMs: number): Promise<void>;
}

const MAX_SECONDS = 86_400;

export function createAgentRegistry({ redis, names }: { redis: Commands; names: Names }): AgentRegistry {
  async function call(agentId: string, ...args: number[]): Promise<string> {
    const name = names.streamKey({ channel: 'agent_status', key: agentId });
    try {
      return String(await redis.fcall('tickcast_agent_lease', 1, name, ...args));
    } catch (error) {
      throw explainFailure(error);
    }
  }

  return {
    async renew(agentId, seconds) {
      // To Redis, 0 means to leave.
      if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_SECONDS) {
        throw new RangeError(`an agent comes again within 1 to ${MAX_SECONDS} whole seconds, not ${seconds}`);
      }
      return call(agentId, seconds);
    },
    async leave(agentId) {
      await call(agentId, 0);
    },
    async lapsed() {
      let reply: unknown;
      try {
        reply = await redis.callBuffer('FCALL_RO', 'tickcast_agents_lapsed', 1, names.indexKey('agent_status'));
      } catch (error) {
        throw explainFailure(error);
      }
      if (!Array.isArray(reply)) throw new BackplaneUnavailableError('tickcast_agents_lapsed answered no list');
      return reply.map(parseLapsed);
    },
    async forget(agentId, lapsedAtMs) {
      await call(agentId, 0, lapsedAtMs);
    },
  };
}

function parseLapsed(reply: unknown): LapsedAgent {
  const [agentId, lapsedAtMs, status, frame]: unknown[] = Array.isArray(reply) ? reply : [];
  if (!Buffer.isBuffer(frame)) throw new BackplaneUnavailableError('tickcast_agents_lapsed answered no agent');
  return {
    agentId: String(agentId),
    lapsedAtMs: Number(lapsedAtMs),
    status: String(status),
    frame: frame.length > 0 ? frame : null,
  };
}
