import type { ChaosClientOptions, Wish } from './client.ts';
import { FAT_SYMBOL, FRESH_SYMBOL, HOT_SYMBOL } from './publishers.ts';
import type { PublishedStream } from './published.ts';

/** What kind of client it is, and what it subscribes to. */
export interface ClientPlan extends Pick<ChaosClientOptions, 'name' | 'wishes' | 'optsIn' | 'patienceMs'> {
  /** Whether it comes through the part of the network that fails. */
  throughWire: boolean;
}

const ALERTS: Wish = { channel: 'alerts', key: null };

/**
 * A mix of clients. Most opt in and take alerts and some single streams; one in ten is a client of the seed, one in ten takes
 * all agents and all backtests, one in ten takes the symbol that gets hot, one the symbol that has no events yet. One in ten comes through the wire that fails, half of
 * them with the symbol of large frames.
 */
export function planClients(streams: readonly PublishedStream[], count: number, random: () => number): ClientPlan[] {
  const special = new Set<string | null>([null, HOT_SYMBOL, FAT_SYMBOL, FRESH_SYMBOL]);
  const singles = streams.filter(({ key }) => !special.has(key)).map(({ channel, key }): Wish => ({ channel, key }));

  return Array.from({ length: count }, (_, index): ClientPlan => {
    const kind = index % 10;
    const wishes = [ALERTS, ...pick(singles, 3, random)];
    // Some wait for a server longer than a lease lasts.
    const plan = { wishes, optsIn: true, patienceMs: 12_000 + random() * 20_000, throughWire: false };
    if (kind === 0) return { ...plan, name: `seed-${index}`, optsIn: false };
    if (kind === 1) {
      const all: Wish[] = [ALERTS, { channel: 'agent_status', key: null }, { channel: 'backtest_progress', key: null }];
      return { ...plan, name: `all-${index}`, wishes: all };
    }
    if (kind === 2) return { ...plan, name: `hot-${index}`, wishes: [...wishes, quotes(HOT_SYMBOL)] };
    if (kind === 3) {
      const fat = index % 20 === 3 ? [quotes(FAT_SYMBOL)] : [];
      return { ...plan, name: `wire-${index}`, wishes: [...wishes, ...fat], throughWire: true };
    }
    if (kind === 4) return { ...plan, name: `fresh-${index}`, wishes: [...wishes, quotes(FRESH_SYMBOL)] };
    return { ...plan, name: `client-${index}` };
  });
}

function quotes(key: string): Wish {
  return { channel: 'market_data', key };
}

function pick<T>(from: readonly T[], count: number, random: () => number): T[] {
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(Math.floor(random() * left.length), 1)).flat();
}
