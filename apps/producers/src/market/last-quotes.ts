import { openStreams } from '@tickcast/backplane';
import type { Bus } from '../bus.ts';
import type { Quote } from './feed.ts';
import { quoteIn } from './quote-frame.ts';

/** Sent together; what Redis does for others comes between two of these. */
const STREAMS_A_PART = 250;
const NAMED_IN_LOG = 10;

interface LastValue {
  readonly quote: Quote;
  /** By Redis's clock, Unix seconds. */
  readonly publishedAt: number;
}

/**
 * Reads the last value of each symbol that has one. Call it when the lease is held: nobody publishes meanwhile. Where
 * somebody has overwritten a stream, or its last value is no quote, the symbol has none: that costs the others nothing.
 *
 * @returns them in the order in which they were published
 * @throws FunctionUnavailableError, BackplaneUnavailableError
 */
export async function readLastQuotes(bus: Bus, symbols: readonly string[]): Promise<Map<string, Quote>> {
  const found: LastValue[] = [];
  const unreadable: string[] = [];
  for (let start = 0; start < symbols.length; start += STREAMS_A_PART) {
    const part = symbols.slice(start, start + STREAMS_A_PART);
    const values = await Promise.all(part.map((symbol) => readLast(bus, symbol)));
    found.push(...values.filter((value) => value !== null && value !== 'unreadable'));
    unreadable.push(...part.filter((_symbol, index) => values[index] === 'unreadable'));
  }
  if (unreadable.length > 0) {
    bus.log.warn(
      { symbols: unreadable.slice(0, NAMED_IN_LOG), count: unreadable.length },
      'what Redis has of these symbols is no quote: it is passed over',
    );
  }
  found.sort((a, b) => a.publishedAt - b.publishedAt || a.quote.timestamp - b.quote.timestamp);
  return new Map(found.map(({ quote }) => [quote.symbol, quote]));
}

/** @returns null when the symbol has none */
async function readLast({ redis, names }: Bus, symbol: string): Promise<LastValue | null | 'unreadable'> {
  try {
    const [stream] = await openStreams(redis, names, 'market_data', symbol);
    if (stream === undefined || stream.frame === null) return null;
    const quote = quoteIn(stream.frame);
    return quote?.symbol === symbol ? { quote, publishedAt: Number(stream.publishedAt) } : 'unreadable';
  } catch (error) {
    if (isOfAnotherType(error)) return 'unreadable';
    throw error;
  }
}

/** Redis answered, but its key is no stream: waiting would not help. */
function isOfAnotherType(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && error.cause.message.startsWith('WRONGTYPE');
}
