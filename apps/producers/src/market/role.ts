import { once } from 'node:events';
import type { HeldLease } from '@tickcast/backplane';
import { normalSymbol } from '@tickcast/protocol';
import type { Registry } from 'prom-client';
import type { Bus } from '../bus.ts';
import { type Role, runDuty } from '../duty.ts';
import type { Feed } from './feed.ts';
import { noteOwn, type OwnQuotes, readLastQuotes } from './last-quotes.ts';
import { createMarketMetrics, type MarketMetrics } from './metrics.ts';
import { openOutlet } from './quote-outlet.ts';

interface MarketRoleOptions {
  bus: Bus;
  feed: Feed;
  registry: Registry;
}

/**
 * Publishes a feed: one worker of the cluster at a time, and the next one goes on from its last values.
 *
 * @returns a role that rejects when the feed can't tell its symbols
 */
export function createMarketRole({ bus, feed, registry }: MarketRoleOptions): Role {
  const metrics = createMarketMetrics(registry);
  return {
    name: 'market',
    async run(signal) {
      const symbols = await Promise.race([symbolsOf(feed, signal), aborted(signal)]);
      if (symbols === null) return;
      metrics.symbols.set(symbols.length);
      const own: OwnQuotes = new Map();
      const work = (held: HeldLease, working: AbortSignal) =>
        publishFeed({ bus, feed, symbols, own, metrics, held, signal: working });
      await runDuty({ bus, name: 'market', signal, work });
    },
  };
}

/** @returns null when the feed gave up since it was told to */
async function symbolsOf(feed: Feed, signal: AbortSignal): Promise<readonly string[] | null> {
  const symbols = await feed.symbols(signal).catch((error: unknown) => {
    if (signal.aborted) return null;
    throw error;
  });
  if (symbols === null) return null;
  const wrong = symbols.find((symbol) => normalSymbol(symbol) !== symbol);
  if (wrong !== undefined) throw new Error(`the feed names a symbol that is not in normal form: "${wrong}"`);
  return symbols;
}

/** Not every feed gives up what it waits for. */
async function aborted(signal: AbortSignal): Promise<null> {
  if (!signal.aborted) await once(signal, 'abort');
  return null;
}

interface Term {
  bus: Bus;
  feed: Feed;
  symbols: readonly string[];
  /** Of all terms of this worker. */
  own: OwnQuotes;
  metrics: MarketMetrics;
  held: HeldLease;
  /** Aborted when this worker leads no more. */
  signal: AbortSignal;
}

/** @throws when the feed fails, or Redis does before there is anything to publish: another term begins anew then */
async function publishFeed({ bus, feed, symbols, own, metrics, held, signal }: Term): Promise<void> {
  const { last, lost } = await readLastQuotes(bus, symbols, own);
  bus.log.info({ symbols: symbols.length, continued: last.size, restored: lost.length }, 'publishing quotes');
  const end = new AbortController();
  const over = AbortSignal.any([signal, end.signal]);
  const outlet = openOutlet({
    bus,
    held,
    metrics,
    onPublished: (quotes) => noteOwn(own, quotes),
    onEnd: (reason) => end.abort(reason),
  });
  try {
    // A feed goes on from there, and may have nothing more to say of a symbol.
    outlet.offer(lost);
    for await (const quotes of feed.quotes(last, over)) {
      if (over.aborted) break;
      outlet.offer(quotes);
    }
    if (!over.aborted) {
      bus.log.info('the feed has ended');
      await once(over, 'abort');
    }
  } finally {
    await outlet.close();
  }
  if (!signal.aborted) throw end.signal.reason;
}
