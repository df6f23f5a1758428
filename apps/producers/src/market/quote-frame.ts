import { checkPublishedFrame, type PublishedMarketData } from '@tickcast/protocol';
import type { Quote } from './feed.ts';

/** A quote as it is published. Written out, since JSON.stringify takes four times as long and there may be 10,000 a second. */
export function frameOf({ symbol, timestamp, price, open, high, low, volume }: Quote): string {
  return `{"type":"market_data","symbol":"${symbol}","data":{"timestamp":${timestamp},"price":${price},"open":${open},"high":${high},"low":${low},"volume":${volume}}}`;
}

/**
 * The quote in a last value, from whomever: open, high and low may be left out in one.
 *
 * @returns null when it is none to go on from: somebody wrote it past the Function, or its price is not over 0
 */
export function quoteIn(frame: Buffer): Quote | null {
  if ('problem' in checkPublishedFrame('market_data', frame)) return null;
  const { symbol, data }: PublishedMarketData = JSON.parse(frame.toString());
  const { timestamp, price, open = price, high = price, low = price, volume } = data;
  return price > 0 ? { symbol, timestamp, price, open, high, low, volume } : null;
}
