import { isOpen } from '../market/calendar.ts';
import type { Condition, Reading } from './conditions.ts';
import { PriceWindow } from './price-window.ts';
import type { WatchedOf } from './rules.ts';

/** Too small a move is known to be one only when a whole window was watched. */
export function priceMove(watched: WatchedOf<'price_move'>, beganAt: number): Condition {
  const { symbols, percent, windowSeconds } = watched;
  const windows = new Map(symbols.map((symbol) => [symbol, new PriceWindow(windowSeconds * 1000)]));

  function readingOf(subject: string, window: PriceWindow, now: number): Reading | null {
    const move = window.largestMove(now);
    if (move === null) return null;
    const firing = Math.abs(move) >= percent;
    if (!firing && now - beganAt < windowSeconds * 1000) return null;
    const way = move < 0 ? '下跌' : '上涨';
    const text = `${subject} ${windowSeconds}秒内${way}${hundredths(Math.abs(move))}%`;
    return { subject, value: hundredths(move), firing, text };
  }

  return {
    threshold: percent,
    observe(seen) {
      // Feeds say 0 where there was no trade yet; of a price below it there are no percents.
      if (seen.kind === 'quote' && seen.price > 0) windows.get(seen.symbol)?.add(seen);
    },
    readings: (now) =>
      Array.from(windows, ([symbol, window]) => readingOf(symbol, window, now)).filter((reading) => reading !== null),
  };
}

/** Silence counts from the last event, or from when watching began or the market opened, where that was later. */
export function staleFeed({ symbols, seconds, hours }: WatchedOf<'stale_feed'>, beganAt: number): Condition {
  const seenAt = new Map<string, number>();
  let openSince: number | null = beganAt;

  function readingOf(subject: string, since: number, now: number): Reading | null {
    const last = seenAt.get(subject) ?? Number.NEGATIVE_INFINITY;
    const silentMs = now - Math.max(last, since);
    const firing = silentMs >= seconds * 1000;
    // Whether it was silent before is not known until an event comes.
    if (!firing && last < since) return null;
    const text = `${subject} 行情中断：已${Math.floor(silentMs / 1000)}秒没有更新`;
    return { subject, value: tenths(silentMs / 1000), firing, text };
  }

  return {
    threshold: seconds,
    observe(seen) {
      if (seen.kind === 'quote') seenAt.set(seen.symbol, seen.at);
    },
    readings(now) {
      if (!isOpen(hours, now / 1000)) {
        openSince = null;
        return [];
      }
      openSince ??= now;
      const since = openSince;
      return symbols.map((symbol) => readingOf(symbol, since, now)).filter((reading) => reading !== null);
    },
  };
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
