import { type Commands, type Names, openStreams } from '@tickcast/backplane';
import type { Quote } from './feed.ts';
import { quoteIn } from './quote-frame.ts';

/** Sent together; what Redis does for others comes between two of these. */
const STREAMS_A_PART = 250;

/**
 * Reads the last value of each symbol that has one. Call it when the lease is held: nobody publishes meanwhile.
 *
 * @returns them in the order in which they were published
 * @throws FunctionUnavailableError, BackplaneUnavailableError
 */
export async function readLastQuotes(
  { redis, names }: { redis: Commands; names: Names },
  symbols: readonly string[],
): Promise<Map<string, Quote>> {
  const found: Array<{ quote: Quote; publishedAt: number }> = [];
  for (let start = 0; start < symbols.length; start += STREAMS_A_PART) {
    const part = symbols.slice(start, start + STREAMS_A_PART);
    const streams = await Promise.all(part.map((symbol) => openStreams(redis, names, 'market_data', symbol)));
    for (const { frame, publishedAt } of streams.flat()) {
      if (frame !== null) found.push({ quote: quoteIn(frame), publishedAt: Number(publishedAt) });
    }
  }
  found.sort((a, b) => a.publishedAt - b.publishedAt || a.quote.timestamp - b.quote.timestamp);
  return new Map(found.map(({ quote }) => [quote.symbol, quote]));
}
