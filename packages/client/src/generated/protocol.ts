// Generated from packages/protocol by `npm run generate`. Do not edit.

/** A quote of one stock; open, high, low and volume are those of the trading day so far. As pushed to clients. */
export interface MarketData {
  type: "market_data";
  /** A symbol, agent id or backtest id in normal form. */
  symbol: string;
  data: {
    /** When the quote was made, Unix seconds. */
    timestamp: number;
    /** The last price. */
    price: number;
    /** The first price of the day. */
    open?: number;
    /** The highest price of the day. */
    high?: number;
    /** The lowest price of the day. */
    low?: number;
    /** Shares traded in the day. */
    volume: number;
  };
  /** The number of an event in its stream; the first of an epoch is 1. */
  seq?: number;
  /** Unix time in seconds, with fractions. */
  published_at?: number;
  /** The last known value, sent on subscribing. */
  snapshot?: true;
  /** How many older events of this stream were merged into this one. */
  conflated?: number;
  /** Sent because of `since`: an event from the log, or the last value. */
  recovered?: true;
  /** How many events before this one could not be delivered; null where that can’t be known. */
  lost?: number | null;
}

/** The state of one agent. As pushed to clients. */
export interface AgentStatus {
  type: "agent_status";
  /** A symbol, agent id or backtest id in normal form. */
  agent_id: string;
  data: {
    /** What the agent is doing, for example `running`. */
    status: string;
    /** Percent of one core. */
    cpu_usage: number;
    /** Megabytes. */
    memory_usage: number;
    /** Tasks waiting. */
    task_queue_size: number;
    /** When the agent last reported, Unix seconds. */
    last_update: number;
  };
  /** The number of an event in its stream; the first of an epoch is 1. */
  seq?: number;
  /** Unix time in seconds, with fractions. */
  published_at?: number;
  /** The last known value, sent on subscribing. */
  snapshot?: true;
  /** How many older events of this stream were merged into this one. */
  conflated?: number;
  /** Sent because of `since`: an event from the log, or the last value. */
  recovered?: true;
  /** How many events before this one could not be delivered; null where that can’t be known. */
  lost?: number | null;
}

/** How far one backtest has come. As pushed to clients. */
export interface BacktestProgress {
  type: "backtest_progress";
  /** A symbol, agent id or backtest id in normal form. */
  backtest_id: string;
  data: {
    /** From 0 to 1. */
    progress: number;
    /** The simulated date. */
    current_date: string;
    /** Days to simulate. */
    total_days: number;
    /** Days simulated. */
    completed_days: number;
    /** Seconds to go. */
    estimated_remaining: number;
    /** `completed`, `failed` and `cancelled` are final. */
    status?: string;
  };
  /** The number of an event in its stream; the first of an epoch is 1. */
  seq?: number;
  /** Unix time in seconds, with fractions. */
  published_at?: number;
  /** The last known value, sent on subscribing. */
  snapshot?: true;
  /** How many older events of this stream were merged into this one. */
  conflated?: number;
  /** Sent because of `since`: an event from the log, or the last value. */
  recovered?: true;
  /** How many events before this one could not be delivered; null where that can’t be known. */
  lost?: number | null;
}

/** A system alert. As pushed to clients. */
export interface Alerts {
  type: "alerts";
  data: {
    /** How grave it is, for example `warning`. */
    level: string;
    /** What happened. */
    message: string;
    /** When it happened, Unix seconds. */
    timestamp: number;
    /** Who noticed. */
    source: string;
  };
  /** The number of an event in its stream; the first of an epoch is 1. */
  seq?: number;
  /** Unix time in seconds, with fractions. */
  published_at?: number;
  /** The last known value, sent on subscribing. */
  snapshot?: true;
  /** How many older events of this stream were merged into this one. */
  conflated?: number;
  /** Sent because of `since`: an event from the log, or the last value. */
  recovered?: true;
  /** How many events before this one could not be delivered; null where that can’t be known. */
  lost?: number | null;
}

/** The reply to `subscribe`. */
export interface Subscribed {
  type: "subscribed";
  /** Chosen by the client; the reply carries it back. Up to 64 characters, or an integer. */
  id?: string | number;
  /** The name of a channel. */
  channel: "market_data" | "agent_status" | "backtest_progress" | "alerts";
  /** The key of the stream in normal form; null where the subscription has none. */
  key: string | null;
  /** Null where the subscription covers many streams. */
  epoch: string | null;
  /** The last number given in this epoch, 0 before the first; null where there are many streams. */
  seq: number | null;
  /** Whether `since` was honoured; false when it was not given. */
  recovered: boolean;
  /** How many subscriptions the connection now has. */
  count: number;
}

/** The reply to `subscribe` with `symbols`: each symbol succeeds or fails by itself. */
export interface SubscribedMany {
  type: "subscribed";
  /** Chosen by the client; the reply carries it back. Up to 64 characters, or an integer. */
  id?: string | number;
  /** The name of a channel. */
  channel: "market_data" | "agent_status" | "backtest_progress" | "alerts";
  /** One for each of `symbols`, in their order. */
  results: Array<{
    /** The symbol as the client wrote it. */
    symbol: string;
    /** The name of a channel. */
    channel: "market_data" | "agent_status" | "backtest_progress" | "alerts";
    /** The key of the stream in normal form; null where the subscription has none. */
    key: string | null;
    /** Null where the subscription covers many streams. */
    epoch: string | null;
    /** The last number given in this epoch, 0 before the first; null where there are many streams. */
    seq: number | null;
    /** Whether `since` was honoured; false when it was not given. */
    recovered: boolean;
    /** How many subscriptions the connection now has. */
    count: number;
  } | {
    /** The symbol as the client wrote it. */
    symbol: string;
    type: "error";
    /** What went wrong, for programs. */
    error: "invalid_message_format" | "unsupported_message_type" | "authentication_failed" | "invalid_parameters" | "unsupported_channel" | "symbol_required" | "forbidden" | "subscription_limit_exceeded" | "rate_limited" | "connection_limit_exceeded" | "message_too_large" | "token_expired" | "idle_timeout" | "slow_consumer" | "draining" | "backplane_unavailable";
    /** What went wrong and what to do next, for people. */
    detail: string;
  }>;
  /** How many subscriptions the connection now has. */
  count: number;
}

/** The reply to `unsubscribe`, whether or not the subscription existed. */
export interface Unsubscribed {
  type: "unsubscribed";
  /** Chosen by the client; the reply carries it back. Up to 64 characters, or an integer. */
  id?: string | number;
  /** The name of a channel. */
  channel: "market_data" | "agent_status" | "backtest_progress" | "alerts";
  /** The key of the stream in normal form; null where the subscription has none. */
  key: string | null;
  /** How many subscriptions the connection now has. */
  count: number;
}

/** The reply to `ping`. */
export interface Pong {
  type: "pong";
  /** Chosen by the client; the reply carries it back. Up to 64 characters, or an integer. */
  id?: string | number;
  /** As given in `ping`; absent when it was. */
  timestamp?: number;
  /** Unix time in seconds, with fractions. */
  server_time: number;
}

/** The reply to `hello`. */
export interface Welcome {
  type: "welcome";
  /** Chosen by the client; the reply carries it back. Up to 64 characters, or an integer. */
  id?: string | number;
  /** The seat id. A secret: whoever has it and a token of the same user has the seat. */
  seat: string;
  /** The name of the node, for support. */
  node: string;
  /** Unix time in seconds, with fractions. */
  server_time: number;
  /** The limits in force. */
  limits: {
    /** Seats over the whole cluster. */
    connections: number;
    /** Subscriptions a connection. */
    subscriptions: number;
    /** Client messages a second, and the size of the bucket. */
    messages_per_second: number;
    /** Bytes of one client message. */
    message_bytes: number;
    /** Seconds without activity before the connection is closed. */
    idle_seconds: number;
    /** Frames of one symbol in any second. */
    market_data_per_second: number;
  };
  /** When the token expires, Unix seconds. */
  expires_at: number;
}

/** The reply to `auth`. */
export interface Authenticated {
  type: "authenticated";
  /** Chosen by the client; the reply carries it back. Up to 64 characters, or an integer. */
  id?: string | number;
  /** When the token expires, Unix seconds. */
  expires_at: number;
}

/** The reply to `list`. */
export interface Subscriptions {
  type: "subscriptions";
  /** Chosen by the client; the reply carries it back. Up to 64 characters, or an integer. */
  id?: string | number;
  subscriptions: Array<{
    /** The name of a channel. */
    channel: "market_data" | "agent_status" | "backtest_progress" | "alerts";
    /** The key of the stream in normal form; null where the subscription has none. */
    key: string | null;
  }>;
  /** How many subscriptions the connection now has. */
  count: number;
}

/** Events of this stream are missing and will not come by themselves. Only to clients that opted in. */
export interface Gap {
  type: "gap";
  /** The name of a channel. */
  channel: "market_data" | "agent_status" | "backtest_progress" | "alerts";
  /** The key of the stream in normal form; null where the subscription has none. */
  key: string | null;
  /** The epoch in which `from` and `to` count. */
  epoch: string | null;
  /** The first number that may be missing. */
  from: number | null;
  /** The last number that may be missing; null where it can’t be known, across a change of epoch. */
  to: number | null;
  /** Whether subscribing again with `since` can still bring them. */
  recoverable: boolean;
}

/** The state of the node changed. Only to clients that opted in. */
export interface Status {
  type: "status";
  /** `draining`: this node is about to stop, close 1012 follows. `degraded`: Redis is out of reach, pushes may be missing. `restored`: it is back. */
  state: "draining" | "degraded" | "restored";
}

/** The token ends within 60 s: send `auth` with a new one. Only to clients that opted in. */
export interface TokenExpiring {
  type: "token_expiring";
  /** When the token expires, Unix seconds. */
  expires_at: number;
}

/** A message was not understood or not allowed, or the connection is about to be closed. */
export interface ErrorFrame {
  type: "error";
  /** What went wrong, for programs. */
  error: "invalid_message_format" | "unsupported_message_type" | "authentication_failed" | "invalid_parameters" | "unsupported_channel" | "symbol_required" | "forbidden" | "subscription_limit_exceeded" | "rate_limited" | "connection_limit_exceeded" | "message_too_large" | "token_expired" | "idle_timeout" | "slow_consumer" | "draining" | "backplane_unavailable";
  /** What went wrong and what to do next, for people. */
  detail: string;
  /** Chosen by the client; the reply carries it back. Up to 64 characters, or an integer. */
  id?: string | number;
  /** Milliseconds before which a retry is pointless. */
  retry_after_ms?: number;
  /** How many errors were held back since the last one sent. */
  dropped?: number;
}

/** The pushes, by channel. */
export interface PushOf {
  market_data: MarketData;
  agent_status: AgentStatus;
  backtest_progress: BacktestProgress;
  alerts: Alerts;
}

export type Channel = keyof PushOf;
export type Push = PushOf[Channel];

/** The codes of the errors that a server sends. */
export type ServerErrorCode = "invalid_message_format" | "unsupported_message_type" | "authentication_failed" | "invalid_parameters" | "unsupported_channel" | "symbol_required" | "forbidden" | "subscription_limit_exceeded" | "rate_limited" | "connection_limit_exceeded" | "message_too_large" | "token_expired" | "idle_timeout" | "slow_consumer" | "draining" | "backplane_unavailable";

/** The codes of the errors that a client finds by itself. */
export type ClientErrorCode = "connection_failed" | "connection_lost" | "no_answer" | "handshake_refused" | "gave_up" | "seat_taken_over" | "protocol_violated" | "token_unavailable" | "slow_consumer" | "invalid_frame" | "handler_failed" | "not_connected";

/** What a client does after a close. */
export type CloseAction = 'at_once' | 'backoff' | 'new_token' | 'never';

/** The field of a push that holds the key of its stream. */
export const KEY_FIELDS: { readonly [C in Channel]: 'symbol' | 'agent_id' | 'backtest_id' | null } = {"market_data":"symbol","agent_status":"agent_id","backtest_progress":"backtest_id","alerts":null};

/** By close code; after any other, `backoff`. */
export const CLOSE_ACTIONS: Readonly<Record<number, CloseAction>> = {"1003":"never","1009":"never","1012":"at_once","4401":"new_token","4409":"never"};

export const KEY = /^[A-Za-z0-9.^=_-]{1,64}$/;
export const HONG_KONG_SUFFIX = /^0*(\d{1,5})\.HK$/;
export const HONG_KONG_PREFIX = /^HK\.0*(\d{1,5})$/;
