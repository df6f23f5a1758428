import { type Channel, isChannel, isNormalKey, type StreamId } from '@tickcast/protocol';

/** The names of everything Tickcast has in one Redis. Braces in them are hash tags: one slot a stream or channel. */
export interface Names {
  /** Key of a stream's state; also what `tickcast_publish` and `tickcast_open` are called with. */
  streamKey(id: StreamId): string;
  /** Pub/Sub channel of a stream. Agents and backtests share one a channel, so there a key makes no difference. */
  pubsubChannel(channel: Channel, key: string | null): string;
  /** Key of the list of live agents or backtests. */
  indexKey(channel: Channel): string;
  /** Key of the log of alerts. */
  logKey(): string;
  /**
   * What a Pub/Sub channel carries: `key` is the symbol of `market_data` and null elsewhere. Null for a name that is
   * not of a channel of this prefix.
   */
  parsePubsubChannel(name: string): StreamId | null;
  readonly seats: {
    /** Key of the leases; every other key of the seats begins with it. */
    readonly key: string;
    /** Pub/Sub channel on which take-overs of seats are told. */
    readonly takenChannel: string;
  };
}

const DEFAULT_PREFIX = 'tickcast:';

/**
 * @param prefix in front of every name; a `:` is put behind it where there is none
 * @throws RangeError when the prefix is empty or has a brace in it, which would move all keys into one slot
 */
export function createNames(prefix: string = DEFAULT_PREFIX): Names {
  if (!/^[^{}\s]+$/.test(prefix))
    throw new RangeError('a Redis prefix needs at least one character, and no brace or space');
  const start = prefix.endsWith(':') ? prefix : `${prefix}:`;
  const tag = (inner: string) => `${start}{${inner}}`;

  const pubsubChannel = (channel: Channel, key: string | null) => {
    if (channel !== 'market_data') return tag(channel);
    if (key === null) throw new RangeError('market_data has a stream for every symbol: name one');
    return tag(`market_data:${key}`);
  };
  const seatsKey = tag('seats');

  return {
    streamKey({ channel, key }) {
      if (!isNormalKey(channel, key)) throw new RangeError(`not a key of ${channel} in normal form: ${key}`);
      const name = pubsubChannel(channel, key);
      return channel === 'market_data' || key === null ? name : `${name}:${key}`;
    },
    pubsubChannel,
    indexKey(channel) {
      if (channel !== 'agent_status' && channel !== 'backtest_progress') {
        throw new RangeError(`${channel} has no list of its streams`);
      }
      return tag(channel);
    },
    logKey: () => `${tag('alerts')}:log`,
    parsePubsubChannel(name) {
      if (!name.startsWith(`${start}{`) || !name.endsWith('}')) return null;
      const inner = name.slice(start.length + 1, -1);
      const colon = inner.indexOf(':');
      if (colon === -1) return isChannel(inner) && inner !== 'market_data' ? { channel: inner, key: null } : null;
      const key = inner.slice(colon + 1);
      if (inner.slice(0, colon) !== 'market_data' || !isNormalKey('market_data', key)) return null;
      return { channel: 'market_data', key };
    },
    seats: { key: seatsKey, takenChannel: seatsKey },
  };
}
