import { openStreams } from '@tickcast/backplane';
import type { Bus } from '../bus.ts';
import type { Quote } from './feed.ts';
import { quoteIn } from './quote-frame.ts';

/** Sent together; what Redis does for others comes between two of these. */
const STREAMS_A_PART = 250;
const NAMED_IN_LOG = 10;

/** What this worker has published, or may have: it outlives a Redis that loses its data. */
export type OwnQuotes = Map<string, Published>;

interface Published {
  readonly quote: Quote;
  /** Unix seconds; by Redis's clock, or by ours for a quote of our own. */
  readonly publishedAt: number;
}

interface LastValue extends Published {
  /** Redis was not restarted since: it has lost nothing that came after. */
  readonly isOfThisRun: boolean;
}

export function noteOwn(own: OwnQuotes, quotes: readonly Quote[]): void {
  const publishedAt = Date.now() / 1000;
  for (const quote of quotes) own.set(quote.symbol, { quote, publishedAt });
}

export interface LastQuotes {
  /** In the order in which they were published. */
  readonly last: Map<string, Quote>;
  /** Those among them that only this worker still has. */
  readonly lost: Quote[];
}

/**
 * Reads the last value of each symbol that has one. Call it when the lease is held: nobody publishes meanwhile. Where
 * somebody has overwritten a stream, or its last value is no quote, Redis has none: that costs the others nothing.
 *
 * @param own taken where Redis has none, or came back with an older one than it had
 * @throws FunctionUnavailableError, BackplaneUnavailableError
 */
export async function readLastQuotes(bus: Bus, symbols: readonly string[], own: OwnQuotes): Promise<LastQuotes> {
  const found: Published[] = [];
  const lost: Quote[] = [];
  const unreadable: string[] = [];
  for (let start = 0; start < symbols.length; start += STREAMS_A_PART) {
    const part = symbols.slice(start, start + STREAMS_A_PART);
    const values = await Promise.all(part.map((symbol) => readLast(bus, symbol)));
    for (const [index, symbol] of part.entries()) {
      const value = values[index] ?? null;
      const mine = own.get(symbol);
      if (value === 'unreadable') {
        unreadable.push(symbol);
        if (mine !== undefined) found.push(mine);
      } else if (mine !== undefined && isLost(mine, value)) {
        lost.push(mine.quote);
        found.push(mine);
      } else if (value !== null) found.push(value);
    }
  }
  if (unreadable.length > 0) {
    bus.log.warn(
      { symbols: unreadable.slice(0, NAMED_IN_LOG), count: unreadable.length },
      'what Redis has of these symbols is no quote: it is passed over',
    );
  }
  found.sort((a, b) => a.publishedAt - b.publishedAt || a.quote.timestamp - b.quote.timestamp);
  return { last: new Map(found.map(({ quote }) => [quote.symbol, quote])), lost };
}

/**
 * Whether Redis has lost a quote that it was given. As long as it has not been restarted it has lost nothing: what it has is
 * newer, whatever the timestamps say, for a replay may have begun again.
 */
function isLost(mine: Published, value: LastValue | null): boolean {
  return value === null || (!value.isOfThisRun && mine.quote.timestamp > value.quote.timestamp);
}

/** @returns null when the symbol has none */
async function readLast({ redis, names }: Bus, symbol: string): Promise<LastValue | null | 'unreadable'> {
  try {
    const [stream] = await openStreams(redis, names, 'market_data', symbol);
    if (stream === undefined || stream.frame === null) return null;
    const quote = quoteIn(stream.frame);
    if (quote?.symbol !== symbol) return 'unreadable';
    return { quote, publishedAt: Number(stream.publishedAt), isOfThisRun: stream.frameEpoch === stream.epoch };
  } catch (error) {
    if (isOfAnotherType(error)) return 'unreadable';
    throw error;
  }
}

/** Redis answered, but its key is no stream: waiting would not help. */
function isOfAnotherType(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && error.cause.message.startsWith('WRONGTYPE');
}
