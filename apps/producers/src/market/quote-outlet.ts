import { type HeldLease, MAX_HELD_EVENTS, type NewEvent, type PublishRefusedError } from '@tickcast/backplane';
import type { Bus } from '../bus.ts';
import { hasCode } from '../errors.ts';
import type { Quote } from './feed.ts';
import type { MarketMetrics, SkipReason } from './metrics.ts';
import { frameOf } from './quote-frame.ts';

/** How many groups may be on their way: a Redis that is slow is not given more and more. */
const GROUPS_UNDER_WAY = 16;

export interface QuoteOutlet {
  /** Publishes quotes now; what Redis can't take now waits until it can, or until there is a newer one of its symbol. */
  offer(quotes: readonly Quote[]): void;
  /** Gives up what waits, and resolves when nothing is on its way. */
  close(): Promise<void>;
}

interface OutletOptions {
  bus: Bus;
  held: HeldLease;
  metrics: MarketMetrics;
  /** Called with quotes that were published, or may have been. */
  onPublished: (quotes: readonly Quote[]) => void;
  /** Called when quotes must not be published under this lease any more. */
  onEnd: (reason: Error) => void;
}

/**
 * Publishes quotes as long as the lease is held. At most one quote of a symbol waits, the newest, which says all that those
 * before it said. One that was sent is never sent again: it may have been published.
 */
export function openOutlet({ bus, held, metrics, onPublished, onEnd }: OutletOptions): QuoteOutlet {
  /** In the order in which they were made. */
  const waiting = new Map<string, Quote>();
  const underWay = new Set<Promise<void>>();
  let isTroubled = false;
  let isClosed = false;
  let wasRefused = false;

  /** A Redis that failed is tried with one group at a time: what it still has to read would be late. */
  const hasRoom = (): boolean => bus.up && !isClosed && underWay.size < (isTroubled ? 1 : GROUPS_UNDER_WAY);

  const skip = (reason: SkipReason, count: number): void => metrics.skipped.inc({ reason }, count);

  const publish = async (quotes: readonly Quote[]): Promise<void> => {
    const stopTimer = metrics.seconds.startTimer();
    try {
      const answers = await bus.publisher.publishHeld(held, quotes.map(eventOf));
      count(answers);
      onPublished(quotes.filter((_quote, at) => typeof answers[at] === 'number'));
      isTroubled = false;
      stopTimer();
    } catch (error) {
      isTroubled = true;
      bus.noteFailure(error);
      skip('unanswered', quotes.length);
      if (hasCode(error, 'backplane_unavailable')) onPublished(quotes);
      if (!isOutage(error)) onEnd(error as Error);
    }
  };

  const send = (quotes: readonly Quote[]): void => {
    const sent = publish(quotes).finally(() => {
      underWay.delete(sent);
      flush();
    });
    underWay.add(sent);
  };

  const count = (answers: ReadonlyArray<number | PublishRefusedError>): void => {
    const refused = answers.filter((answer) => typeof answer !== 'number');
    metrics.published.inc(answers.length - refused.length);
    if (refused.length === 0) return;
    skip('refused', refused.length);
    if (!wasRefused) bus.log.warn({ problem: refused[0]?.message }, 'Redis refuses quotes of this feed');
    wasRefused = true;
  };

  const park = (quote: Quote): void => {
    // Set again, it would keep its place among those that are older now.
    if (waiting.delete(quote.symbol)) skip('superseded', 1);
    waiting.set(quote.symbol, quote);
  };

  const flush = (): void => {
    while (waiting.size > 0 && hasRoom()) {
      const group: Quote[] = [];
      for (const quote of waiting.values()) {
        if (group.length === MAX_HELD_EVENTS) break;
        group.push(quote);
      }
      for (const { symbol } of group) waiting.delete(symbol);
      send(group);
    }
  };

  // What was sent on an earlier connection may be read by Redis after what is sent on this one. With another lease it will
  // be refused.
  let isConnected = false;
  const stopListening = bus.onUp(() => {
    if (isConnected) onEnd(new Error('Redis was away'));
    isConnected = true;
    flush();
  });

  return {
    offer(quotes) {
      let at = 0;
      for (; waiting.size === 0 && at < quotes.length && hasRoom(); at += MAX_HELD_EVENTS) {
        send(quotes.slice(at, at + MAX_HELD_EVENTS));
      }
      for (; at < quotes.length; at++) park(quotes[at] as Quote);
      flush();
    },
    async close() {
      isClosed = true;
      stopListening();
      await Promise.all(underWay);
    },
  };
}

function eventOf(quote: Quote): NewEvent {
  return { id: { channel: 'market_data', key: quote.symbol }, frame: frameOf(quote) };
}

/** Whether waiting may help: not with a lost lease, nor with a quote that is none. */
function isOutage(error: unknown): boolean {
  return hasCode(error, 'backplane_unavailable') || hasCode(error, 'function_unavailable');
}
