import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Why a quote was not published: a newer one came first, Redis did not answer, or it refused the quote. */
export type SkipReason = 'superseded' | 'unanswered' | 'refused';

/** What the market role counts. */
export interface MarketMetrics {
  readonly published: Counter;
  readonly skipped: Counter<'reason'>;
  readonly seconds: Histogram;
  readonly symbols: Gauge;
}

const SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

export function createMarketMetrics(registry: Registry): MarketMetrics {
  const registers = [registry];
  return {
    published: new Counter({ name: 'tickcast_quotes_published_total', help: 'Quotes that Redis took', registers }),
    skipped: new Counter({
      name: 'tickcast_quotes_skipped_total',
      help: 'Quotes not published: superseded by a newer one, unanswered by Redis, or refused by it',
      labelNames: ['reason'],
      registers,
    }),
    seconds: new Histogram({
      name: 'tickcast_publish_seconds',
      help: 'From handing a group of up to 64 quotes to Redis until its answer',
      buckets: SECONDS,
      registers,
    }),
    symbols: new Gauge({ name: 'tickcast_feed_symbols', help: 'Symbols of the feed', registers }),
  };
}
