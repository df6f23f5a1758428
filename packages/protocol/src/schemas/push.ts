import { type Static, type TProperties, Type } from 'typebox';
import { Key, MAX_ID_LENGTH, schemaId, Seq, UnixSeconds } from './common.ts';

/** The fields that the server puts in front of a publisher's; a published frame has none of them. */
export const SERVER_FIELDS = ['seq', 'epoch', 'published_at', 'snapshot', 'conflated', 'recovered', 'lost'] as const;

const serverFields = {
  seq: Type.Optional(Seq),
  published_at: Type.Optional(UnixSeconds),
  snapshot: Type.Optional(Type.Literal(true, { description: 'The last known value, sent on subscribing.' })),
  conflated: Type.Optional(
    Type.Integer({ minimum: 1, description: 'How many older events of this stream were merged into this one.' }),
  ),
  recovered: Type.Optional(
    Type.Literal(true, { description: 'Sent because of `since`: an event from the log, or the last value.' }),
  ),
  lost: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
      description: 'How many events before this one could not be delivered; null where that can’t be known.',
    }),
  ),
};

const number = (description: string) => Type.Number({ description });
const text = (description: string) => Type.String({ description });
const status = (description: string) => Type.String({ minLength: 1, maxLength: MAX_ID_LENGTH, description });

/** The two schemas of one channel: what a publisher sends, and what a client gets. */
function channelSchemas<Fields extends TProperties>(about: {
  channel: string;
  description: string;
  fields: Fields;
  example: Record<string, unknown>;
}) {
  const { channel, description, fields, example } = about;
  const pushed = { ...example, seq: 42, published_at: 1701234567.912345 };
  return {
    published: Type.Object(fields, {
      $id: schemaId(`published-${channel}`),
      title: `published ${channel}`,
      description: `${description} As published through Redis.`,
      examples: [example],
      propertyNames: { not: { enum: SERVER_FIELDS } },
    }),
    push: Type.Object(
      { ...fields, ...serverFields },
      {
        $id: schemaId(channel),
        title: channel,
        description: `${description} As pushed to clients.`,
        examples: [pushed, { ...pushed, snapshot: true }],
      },
    ),
  };
}

const marketData = channelSchemas({
  channel: 'market_data',
  description: 'A quote of one stock; open, high, low and volume are those of the trading day so far.',
  fields: {
    type: Type.Literal('market_data'),
    symbol: Key,
    data: Type.Object({
      timestamp: number('When the quote was made, Unix seconds.'),
      price: number('The last price.'),
      open: Type.Optional(number('The first price of the day.')),
      high: Type.Optional(number('The highest price of the day.')),
      low: Type.Optional(number('The lowest price of the day.')),
      volume: number('Shares traded in the day.'),
    }),
  },
  example: {
    type: 'market_data',
    symbol: '0700.HK',
    data: { timestamp: 1701234567.89, price: 352, open: 350, high: 355, low: 345, volume: 1000000 },
  },
});

const agentStatus = channelSchemas({
  channel: 'agent_status',
  description: 'The state of one agent.',
  fields: {
    type: Type.Literal('agent_status'),
    agent_id: Key,
    data: Type.Object({
      status: status('What the agent is doing, for example `running`.'),
      cpu_usage: number('Percent of one core.'),
      memory_usage: number('Megabytes.'),
      task_queue_size: number('Tasks waiting.'),
      last_update: number('When the agent last reported, Unix seconds.'),
    }),
  },
  example: {
    type: 'agent_status',
    agent_id: 'coordinator',
    data: { status: 'running', cpu_usage: 45.2, memory_usage: 512.5, task_queue_size: 3, last_update: 1701234567.89 },
  },
});

const backtestProgress = channelSchemas({
  channel: 'backtest_progress',
  description: 'How far one backtest has come.',
  fields: {
    type: Type.Literal('backtest_progress'),
    backtest_id: Key,
    data: Type.Object({
      progress: number('From 0 to 1.'),
      current_date: text('The simulated date.'),
      total_days: number('Days to simulate.'),
      completed_days: number('Days simulated.'),
      estimated_remaining: number('Seconds to go.'),
      status: Type.Optional(status('`completed`, `failed` and `cancelled` are final.')),
    }),
  },
  example: {
    type: 'backtest_progress',
    backtest_id: 'bt_123456',
    data: {
      progress: 0.65,
      current_date: '2022-06-15',
      total_days: 1095,
      completed_days: 711,
      estimated_remaining: 1800,
    },
  },
});

const alerts = channelSchemas({
  channel: 'alerts',
  description: 'A system alert.',
  fields: {
    type: Type.Literal('alerts'),
    data: Type.Object({
      level: text('How grave it is, for example `warning`.'),
      message: text('What happened.'),
      timestamp: number('When it happened, Unix seconds.'),
      source: text('Who noticed.'),
    }),
  },
  example: {
    type: 'alerts',
    data: { level: 'warning', message: '内存使用率超过80%', timestamp: 1701234567.89, source: 'monitoring' },
  },
});

export const PublishedMarketData = marketData.published;
export const PublishedAgentStatus = agentStatus.published;
export const PublishedBacktestProgress = backtestProgress.published;
export const PublishedAlerts = alerts.published;
export const MarketData = marketData.push;
export const AgentStatus = agentStatus.push;
export const BacktestProgress = backtestProgress.push;
export const Alerts = alerts.push;

/** What publishers send, by channel. */
export const PUBLISHED_SCHEMAS = {
  market_data: PublishedMarketData,
  agent_status: PublishedAgentStatus,
  backtest_progress: PublishedBacktestProgress,
  alerts: PublishedAlerts,
} as const;

/** What clients get, by channel. */
export const PUSH_SCHEMAS = {
  market_data: MarketData,
  agent_status: AgentStatus,
  backtest_progress: BacktestProgress,
  alerts: Alerts,
} as const;

export type PublishedMarketData = Static<typeof PublishedMarketData>;
export type PublishedAgentStatus = Static<typeof PublishedAgentStatus>;
export type PublishedBacktestProgress = Static<typeof PublishedBacktestProgress>;
export type PublishedAlerts = Static<typeof PublishedAlerts>;
export type MarketData = Static<typeof MarketData>;
export type AgentStatus = Static<typeof AgentStatus>;
export type BacktestProgress = Static<typeof BacktestProgress>;
export type Alerts = Static<typeof Alerts>;
export type Push = MarketData | AgentStatus | BacktestProgress | Alerts;
