import { readFileSync, readdirSync } from 'node:fs';
import type { Direction } from '../fault-proxy.ts';

/** `packages/protocol/conformance/clients/README.md` says what they mean; a JSON Schema in that package holds the files to it. */
export interface Scenario {
  name: string;
  cluster?: ClusterSpec;
  token?: TokenSpec;
  tokens?: TokenSpec[];
  client?: Record<string, number | null>;
  needs?: Ability[];
  steps: Step[];
  end: End;
}

/** What not every client can. */
export type Ability = 'status';

export interface ClusterSpec {
  nodes?: number;
  settings?: Record<string, string>;
  own_redis?: true;
}

export interface TokenSpec {
  ttl_seconds?: number;
  channels?: unknown;
  forged?: true;
}

export type ChannelName = 'market_data' | 'agent_status' | 'backtest_progress' | 'alerts';

/** Fields that must be there; others may. */
export type Partly = Record<string, unknown>;

export interface StreamName {
  channel: ChannelName;
  key?: string;
}

export interface SubscribeStep {
  do: 'subscribe';
  name: string;
  channel: ChannelName;
  keys?: string[];
  overflow?: 'latest' | 'buffer' | 'error';
  limit?: number;
  handle_ms?: number;
  since_last_of?: string;
}

export interface PublishStep extends StreamName {
  do: 'publish';
  count?: number;
  status?: string;
  padding?: number;
  raw?: true;
}

export interface InjectStep {
  do: 'inject';
  text?: string;
  nested?: number;
  binary?: string;
  bytes?: string;
  close?: number;
  again?: 'alerts' | 'market_data';
}

type Bare =
  | 'connect'
  | 'close'
  | 'restart_client'
  | 'stop_publishing'
  | 'cut'
  | 'reset'
  | 'refuse'
  | 'heal'
  | 'pause_redis'
  | 'resume_redis'
  | 'flush_redis'
  | 'hold_seat'
  | 'release_seat'
  | 'take_over_seat'
  | 'settle';

export type Step =
  | { do: Bare }
  | SubscribeStep
  | PublishStep
  | InjectStep
  | { do: 'handle'; name: string; ms: number }
  | { do: 'unsubscribe'; name: string }
  | { do: 'expect_streams'; streams: Partly[] }
  | ({ do: 'keep_publishing'; every_ms: number } & StreamName)
  | { do: 'stall' | 'swallow'; direction?: Direction }
  | { do: 'open_to' | 'kill_node' | 'drain_node' | 'pause_node' | 'resume_node'; node: number }
  | { do: 'answer'; status: number; retry_after?: number }
  | { do: 'garble'; channel: ChannelName; count: number }
  | { do: 'forget_stream'; channel: ChannelName }
  | { do: 'trim_log'; keep: number }
  | { do: 'wait'; report?: Partly; sent?: Partly }
  | { do: 'wait_attempt'; at_least_ms?: number }
  | { do: 'rest'; ms: number };

export type StepOf<Verb extends Step['do']> = Extract<Step, { do: Verb }>;

export interface End {
  state: string;
  states?: string[];
  final?: Partly;
  errors?: string[];
  may?: string[];
  notices?: Partly[];
  gaps?: Partly[];
  events?: Record<string, Partly[]>;
  ended?: Record<string, string | null>;
  attempts?: number;
  tokens_asked?: number;
  same_seat?: true;
}

const FOLDER = new URL('../../../protocol/conformance/clients/scenarios/', import.meta.url);

/** All scenarios that a client with these abilities is held to, those that take longest first. */
export function loadScenarios(abilities: readonly Ability[]): Scenario[] {
  return readdirSync(FOLDER)
    .toSorted()
    .flatMap((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Scenario[])
    .filter(({ needs = [] }) => needs.every((need) => abilities.includes(need)))
    .toSorted((one, other) => restOf(other) - restOf(one));
}

function restOf({ steps }: Scenario): number {
  return steps.reduce((sum, step) => sum + (step.do === 'rest' ? step.ms : 0), 0);
}

/** Whether a value has all that is listed in another: objects may have more, arrays may not; `$any` is anything but null. */
export function fits(value: unknown, wanted: unknown): boolean {
  if (wanted === '$any') return value !== null && value !== undefined;
  if (Array.isArray(wanted)) {
    return Array.isArray(value) && value.length === wanted.length && wanted.every((each, i) => fits(value[i], each));
  }
  if (typeof wanted !== 'object' || wanted === null) return value === wanted;
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(wanted).every(([name, each]) => fits((value as Partly)[name], each));
}
