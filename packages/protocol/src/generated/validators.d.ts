// Generated from src/schemas by `npm run generate`. Do not edit.

import type { Subscribe, Unsubscribe, Ping, Hello, Auth, List } from '../schemas/client.ts';
import type { PublishedMarketData, PublishedAgentStatus, PublishedBacktestProgress, PublishedAlerts } from '../schemas/push.ts';

/** One thing that is wrong with a value. */
export interface ValidationError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

/** Answers whether the value is valid; when it is not, `errors` says why until the next call. */
export interface Validator<T> {
  (value: unknown): value is T;
  errors?: readonly ValidationError[] | null;
}

export declare const subscribe: Validator<Subscribe>;
export declare const unsubscribe: Validator<Unsubscribe>;
export declare const ping: Validator<Ping>;
export declare const hello: Validator<Hello>;
export declare const auth: Validator<Auth>;
export declare const list: Validator<List>;
export declare const published_market_data: Validator<PublishedMarketData>;
export declare const published_agent_status: Validator<PublishedAgentStatus>;
export declare const published_backtest_progress: Validator<PublishedBacktestProgress>;
export declare const published_alerts: Validator<PublishedAlerts>;
