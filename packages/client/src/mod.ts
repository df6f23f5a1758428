export type { Backoff } from './backoff.ts';
export { type AlertsOptions, Tickcast } from './client.ts';
export { type ErrorCode, TickcastError } from './errors.ts';
export type { ClientEvents, Received, State, StateChange, StreamInfo } from './events.ts';
export type {
  AgentStatus,
  Alerts,
  BacktestProgress,
  Channel,
  MarketData,
  Push,
  Status,
  TokenExpiring,
} from './generated/protocol.ts';
export type { ClientOptions } from './options.ts';
export { QuantWebSocket } from './quant-web-socket.ts';
export type { Overflow } from './queue.ts';
export type { WebSocketFactory, WebSocketLike } from './socket.ts';
export type { LostEvents, Since } from './stream-position.ts';
export type { Subscription, SubscriptionOptions } from './subscription.ts';
export type { Token } from './tokens.ts';
