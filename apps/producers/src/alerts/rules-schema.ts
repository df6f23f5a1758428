import { KEY_PATTERN } from '@tickcast/protocol';
import { type Static, type TProperties, Type } from 'typebox';
import { HOURS } from '../market/calendar.ts';

/** How grave an alert may be, the lightest first. */
export const LEVELS = ['info', 'warning', 'error', 'critical'] as const;
export type Level = (typeof LEVELS)[number];

const MAX_NAME_LENGTH = 64;
const MAX_TEXT_LENGTH = 500;

// Names and subjects stand between colons in an alert's event id.
const Name = Type.String({
  pattern: `^[A-Za-z0-9._-]{1,${MAX_NAME_LENGTH}}$`,
  description: `1 to ${MAX_NAME_LENGTH} letters, digits and . _ -, not those of another rule`,
});

const Seconds = (description: string) => Type.Number({ exclusiveMinimum: 0, maximum: 86_400, description });
const Percent = (description: string) => Type.Number({ exclusiveMinimum: 0, maximum: 100, description });
const Jobs = (description: string) => Type.Integer({ minimum: 0, description });

const Symbols = Type.Array(Type.String({ pattern: KEY_PATTERN, description: 'a stock symbol such as 0700.HK' }), {
  minItems: 1,
  description: 'Stock symbols, in any spelling that a client may use.',
});

const shared = {
  name: Name,
  level: Type.Optional(Type.Enum([...LEVELS], { description: 'How grave it is; `warning` when absent.' })),
  message: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: MAX_TEXT_LENGTH,
      description: 'Instead of the usual text; {value}, {threshold} and {subject} are replaced.',
    }),
  ),
  source: Type.Optional(
    Type.String({ minLength: 1, maxLength: MAX_TEXT_LENGTH, description: 'Who noticed; `monitoring` when absent.' }),
  ),
  cooldown_seconds: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 86_400,
      description: 'A subject that was announced is not announced again so soon; 300 when absent.',
    }),
  ),
  for_seconds: Type.Optional(
    Type.Number({ minimum: 0, maximum: 86_400, description: 'The condition must hold so long first; 0 when absent.' }),
  ),
};

function ruleSchema<Kind extends string, Own extends TProperties>(type: Kind, description: string, own: Own) {
  return Type.Object({ type: Type.Literal(type), ...shared, ...own }, { additionalProperties: false, description });
}

const AgentMemory = ruleSchema('agent_memory', 'An agent’s machine or container has little memory left.', {
  percent: Percent('Fires above it: the share of memory in use, `data.memory_percent` of its agent_status.'),
});

const PriceMove = ruleSchema('price_move', 'A price went up or down a lot.', {
  symbols: Symbols,
  percent: Percent('Fires from here on: the move from any price in the window to the newest one, up or down.'),
  window_seconds: Seconds('How far back prices count.'),
});

const StaleFeed = ruleSchema('stale_feed', 'Nothing is published of a symbol any more.', {
  symbols: Symbols,
  seconds: Seconds('Fires after so long without an event of the symbol.'),
  hours: Type.Optional(
    Type.Enum([...HOURS], {
      description: 'When events are expected; `always` when absent. Silence outside them does not count.',
    }),
  ),
});

const FailedJob = ruleSchema('failed_job', 'Backtests failed for good.', {
  count: Type.Optional(Type.Integer({ minimum: 1, description: 'Fires from so many on; 1 when absent.' })),
  window_seconds: Type.Optional(Seconds('How far back failures count; 300 when absent.')),
});

const QueueDepth = ruleSchema('queue_depth', 'A queue grows faster than it is worked off.', {
  queue: Type.String({ pattern: '^[A-Za-z0-9._-]{1,80}$', description: 'the name of a queue such as backtests' }),
  jobs: Jobs('Fires above it: jobs that wait for a worker.'),
});

const DeadLetters = ruleSchema('dead_letters', 'Jobs that failed for good wait to be looked at.', {
  jobs: Type.Optional(Jobs('Fires above it; 0 when absent.')),
});

const ClusterNearCap = ruleSchema('cluster_near_cap', 'Few seats of the cluster are left.', {
  percent: Percent('Fires from here on: seats taken or reserved, of the most that there may be.'),
});

const AgentStopped = ruleSchema('agent_stopped', 'An agent was killed: it stopped without having said so.', {});

/** The schema of each type of rule. */
export const RULE_SCHEMAS = {
  agent_memory: AgentMemory,
  price_move: PriceMove,
  stale_feed: StaleFeed,
  failed_job: FailedJob,
  queue_depth: QueueDepth,
  dead_letters: DeadLetters,
  cluster_near_cap: ClusterNearCap,
  agent_stopped: AgentStopped,
} as const;

/** A rule as a rules file has it, by its type. */
export type WrittenRule = { [Kind in keyof typeof RULE_SCHEMAS]: Static<(typeof RULE_SCHEMAS)[Kind]> };

/** The whole file. Editors check it by this; the process checks rule by rule, so that each problem names its rule. */
export const RulesFile = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: 'For editors.' })),
    rules: Type.Array(Type.Union(Object.values(RULE_SCHEMAS))),
  },
  {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'alert rules',
    description: 'What Tickcast’s producers watch, and raise alerts about.',
    additionalProperties: false,
  },
);
