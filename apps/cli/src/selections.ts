import type { Channel } from '@tickcast/protocol';
import { channelArgument, keyArgument } from './arguments.ts';
import { UsageError } from './failures.ts';
import type { Selection } from './subscriptions.ts';

/** All that is recorded without being named. */
const WITHOUT_KEY: readonly Channel[] = ['alerts', 'agent_status', 'backtest_progress'];

/**
 * What CHANNEL or CHANNEL:KEY, any number of them, select: each channel once. None: all that needs no key.
 *
 * @throws UsageError
 */
export function readSelections(texts: readonly string[]): Selection[] {
  if (texts.length === 0) return WITHOUT_KEY.map((channel) => ({ channel, keys: null }));
  const keys = new Map<Channel, string[] | null>();
  for (const text of texts) {
    const [name = '', ...rest] = text.split(':');
    const channel = channelArgument(name);
    const key = rest.length === 0 ? null : keyArgument(channel, rest.join(':'));
    if (key === null && channel === 'market_data')
      throw new UsageError('market_data needs a symbol: market_data:0700.HK');
    const others = keys.get(channel);
    // All of a channel has each of its streams in it.
    keys.set(channel, key === null || others === null ? null : [...(others ?? []), key]);
  }
  return [...keys].map(([channel, each]) => ({ channel, keys: each }));
}
