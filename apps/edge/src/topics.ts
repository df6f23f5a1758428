import type { Channel } from '@tickcast/protocol';

/** The engine's topic of one stream. */
export function streamTopic(channel: Channel, key: string | null): string {
  return key === null ? channel : `${channel}:${key}`;
}

/** The engine's topic of every stream of a channel, where a client can subscribe to all of them; else null. */
export function feedTopic(channel: Channel): string | null {
  return channel === 'agent_status' || channel === 'backtest_progress' ? `${channel}:*` : null;
}
