import { sessionOf } from './calendar.ts';
import type { Quote } from './feed.ts';

/** What was traded since the quote before; a single trade has one price four times. */
export interface Trade {
  readonly symbol: string;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly price: number;
  /** Shares in this trade, not in the day. */
  readonly volume: number;
}

/** What the stock stands at after a trade: the first one on a later Hong Kong day begins a new session. */
export function quoteAfter(before: Quote | undefined, trade: Trade): Quote {
  const { symbol, timestamp, price, open, high, low, volume } = trade;
  if (before === undefined || sessionOf(before.timestamp) < sessionOf(timestamp)) {
    return { symbol, timestamp, price, open, high, low, volume };
  }
  return {
    symbol,
    timestamp,
    price,
    open: before.open,
    high: Math.max(before.high, high),
    low: Math.min(before.low, low),
    volume: before.volume + volume,
  };
}
