import { type Channel, CHANNELS, isChannel, normalKey } from './channels.ts';
import { MAX_CLAIM_ENTRIES } from './limits.ts';

/** What a token allows its holder to subscribe to. */
export interface Claim {
  /** Whether the stream is allowed; with a null key, whether anything of the channel is. */
  allows(channel: Channel, key: string | null): boolean;
  /** The keys that are allowed: `*` for all, an empty set for none. `alerts`, which has no keys, is all or none. */
  keysFor(channel: Channel): '*' | ReadonlySet<string>;
}

type Grants = Record<Channel, '*' | Set<string>>;

function nothing(): Grants {
  return { market_data: new Set(), agent_status: new Set(), backtest_progress: new Set(), alerts: new Set() };
}

function claimOf(grants: Grants): Claim {
  return {
    allows(channel, key) {
      const keys = grants[channel];
      return keys === '*' || (key === null ? keys.size > 0 : keys.has(key));
    },
    keysFor: (channel) => grants[channel],
  };
}

/** Adds what one entry grants; false when the entry is malformed. */
function grant(grants: Grants, entry: string): boolean {
  const colon = entry.indexOf(':');
  const name = colon < 0 ? entry : entry.slice(0, colon);
  const key = colon < 0 ? '*' : entry.slice(colon + 1);
  if (name !== '*' && !isChannel(name)) return false;

  const channels = name === '*' ? CHANNELS : [name];
  if (key === '*') {
    for (const channel of channels) grants[channel] = '*';
    return true;
  }
  let granted = false;
  for (const channel of channels) {
    const normal = normalKey(channel, key);
    if (normal === null) continue;
    granted = true;
    const keys = grants[channel];
    if (keys !== '*') keys.add(normal);
  }
  return granted;
}

/**
 * Reads the `channels` claim of a token: a list of `channel` or `channel:key`, where `*` may stand for the whole of
 * either part. Keys are brought to normal form.
 *
 * @returns null when the claim is malformed (an unknown channel, not a key, over 1000 entries); when it is undefined,
 * a claim that allows everything
 */
export function parseChannelsClaim(value: unknown): Claim | null {
  const grants = nothing();
  if (value === undefined) {
    for (const channel of CHANNELS) grants[channel] = '*';
    return claimOf(grants);
  }
  if (!Array.isArray(value) || value.length > MAX_CLAIM_ENTRIES) return null;
  for (const entry of value as readonly unknown[]) {
    if (typeof entry !== 'string' || !grant(grants, entry)) return null;
  }
  return claimOf(grants);
}
