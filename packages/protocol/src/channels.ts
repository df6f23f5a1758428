import { isKey, normalSymbol } from './symbols.ts';

/** The four channels of the protocol, in the order of the documentation. */
export const CHANNELS = ['market_data', 'agent_status', 'backtest_progress', 'alerts'] as const;

export type Channel = (typeof CHANNELS)[number];

/** The frame field that holds a stream's key. */
export type KeyField = 'symbol' | 'agent_id' | 'backtest_id';

/** One numbered stream: a channel and, where the channel has keys, the key in normal form. */
export interface StreamId {
  readonly channel: Channel;
  readonly key: string | null;
}

/** The values of `data.status` after which a backtest publishes nothing more. */
export const TERMINAL_STATUSES: readonly string[] = ['completed', 'failed', 'cancelled'];

const KEY_FIELDS: Record<Channel, KeyField | null> = {
  market_data: 'symbol',
  agent_status: 'agent_id',
  backtest_progress: 'backtest_id',
  alerts: null,
};

const NAMES: ReadonlySet<unknown> = new Set(CHANNELS);

/** Whether `x` is the name of a channel. */
export function isChannel(x: unknown): x is Channel {
  return NAMES.has(x);
}

/** The field in which a channel's frames carry the key; null for `alerts`, which is a single stream. */
export function keyField(channel: Channel): KeyField | null {
  return KEY_FIELDS[channel];
}

/**
 * Brings a key to the one form that names its stream. Symbols follow {@link normalSymbol}; the ids of agents and
 * backtests keep their case.
 *
 * @returns the normal form, or null when `raw` is not a key of this channel (`alerts` has none)
 */
export function normalKey(channel: Channel, raw: string): string | null {
  if (channel === 'alerts') return null;
  if (channel === 'market_data') return normalSymbol(raw);
  return isKey(raw) ? raw : null;
}

/** Whether `key` names a stream of `channel` as it stands; for `alerts` only null does. */
export function isNormalKey(channel: Channel, key: string | null): boolean {
  return key === null ? channel === 'alerts' : normalKey(channel, key) === key;
}
