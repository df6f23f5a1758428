import { type Channel, isNormalKey, type StreamId } from '@tickcast/protocol';

/** The names of everything Tickcast has in one Redis. Braces in them are hash tags: one slot a stream or channel. */
export interface Names {
  /** Key of a stream's state; also what `tickcast_publish` and `tickcast_open` are called with. */
  streamKey(id: StreamId): string;
  /** Pub/Sub channel of a stream. Agents and backtests share one a channel, so there a key makes no difference. */
  pubsubChannel(channel: Channel, key: string | null): string;
  /** Key of the list of live agents or backtests. */
  indexKey(channel: Channel): string;
  /** What functions that read streams are called with: the list of all for agents or backtests without a key. */
  openableKey(id: StreamId): string;
  /** Key of the log of alerts. */
  logKey(): string;
  /** Key of a lease; its value is the token of whoever holds it. */
  leaseKey(name: string): string;
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

  const streamKey = ({ channel, key }: StreamId) => {
    if (!isNormalKey(channel, key)) throw new RangeError(`not a key of ${channel} in normal form: ${key}`);
    const name = pubsubChannel(channel, key);
    return channel === 'market_data' || key === null ? name : `${name}:${key}`;
  };
  const hasIndex = (channel: Channel) => channel === 'agent_status' || channel === 'backtest_progress';

  return {
    streamKey,
    pubsubChannel,
    indexKey(channel) {
      if (!hasIndex(channel)) throw new RangeError(`${channel} has no list of its streams`);
      return tag(channel);
    },
    openableKey: (id) => (id.key === null && hasIndex(id.channel) ? tag(id.channel) : streamKey(id)),
    logKey: () => `${tag('alerts')}:log`,
    leaseKey(name) {
      if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) throw new RangeError(`not a name for a lease: ${name}`);
      return tag(`lease:${name}`);
    },
    seats: { key: seatsKey, takenChannel: seatsKey },
  };
}
