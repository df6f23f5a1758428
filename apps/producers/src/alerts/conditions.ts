import { agentMemory, agentStopped } from './agent-conditions.ts';
import { priceMove, staleFeed } from './market-conditions.ts';
import type { Observation } from './observations.ts';
import type { Watched } from './rules.ts';
import { clusterNearCap, deadLetters, failedJob, queueDepth } from './system-conditions.ts';

/** How it stands with one subject of a rule. */
export interface Reading {
  /** What the rule is judged of: a symbol, an agent, a queue. */
  readonly subject: string;
  readonly firing: boolean;
  /** As measured; null where there is nothing to be measured any more. */
  readonly value: number | null;
  /** What is said if this is announced, unless the rule has a text of its own. */
  readonly text: string;
  /** It is not over, but will not be watched any longer: what is said then. */
  readonly lastWords?: string;
}

/** What a rule watches, from the moment that watching began. */
export interface Condition {
  /** The number in the rule that decides. */
  readonly threshold: number;
  observe(observation: Observation): void;
  /** A subject of which nothing is known has none: neither firing nor over. @param now ms by Redis's clock */
  readings(now: number): Reading[];
}

export interface Surroundings {
  /** When watching began: nothing before it is known but last values. */
  beganAt: number;
  /** The seats that the whole cluster may have. */
  maxConnections: number;
}

export function createCondition(watched: Watched, { beganAt, maxConnections }: Surroundings): Condition {
  switch (watched.type) {
    case 'agent_memory':
      return agentMemory(watched);
    case 'agent_stopped':
      return agentStopped();
    case 'price_move':
      return priceMove(watched, beganAt);
    case 'stale_feed':
      return staleFeed(watched, beganAt);
    case 'failed_job':
      return failedJob(watched);
    case 'queue_depth':
      return queueDepth(watched);
    case 'dead_letters':
      return deadLetters(watched);
    case 'cluster_near_cap':
      return clusterNearCap(watched, maxConnections);
  }
}
