import type { Overflow, Push, Since, Subscription, Tickcast } from '@tickcast/client';
import type { Channel } from '@tickcast/protocol';

/** What is wanted of a channel. */
export interface Selection {
  channel: Channel;
  /** null: all that there is. */
  keys: readonly string[] | null;
  /** Of alerts: the last one that is known already. */
  since?: Since | undefined;
}

/** Subscribes to it. @param overflow the SDK's own for the channel when absent */
export function subscribe(
  client: Tickcast,
  { channel, keys, since }: Selection,
  overflow?: Overflow,
): Subscription<Push> {
  const options = overflow === undefined ? {} : { overflow };
  switch (channel) {
    case 'market_data':
      return client.marketData(keys ?? [], options);
    case 'agent_status':
      return client.agentStatus(keys ?? undefined, options);
    case 'backtest_progress':
      return client.backtestProgress(keys ?? undefined, options);
    case 'alerts':
      return client.alerts(since === undefined ? options : { ...options, since });
  }
}
