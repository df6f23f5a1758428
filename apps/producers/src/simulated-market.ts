import type { PublishedMarketData } from '@tickcast/protocol';

/** Symbols with a price in HKD near which their walk begins. */
export const SYMBOLS: Readonly<Record<string, number>> = {
  '0005.HK': 62.5,
  '0388.HK': 268.4,
  '0700.HK': 352.0,
  '0939.HK': 4.72,
  '0941.HK': 65.3,
  '1299.HK': 66.15,
  '1810.HK': 16.46,
  '2318.HK': 36.2,
  '3690.HK': 110.5,
  '9988.HK': 82.05,
};

/** The exchange's spread table (HKEX Rules, Second Schedule, as of 2024), as [price below, smallest step in HKD]. */
const SPREADS = [
  [0.25, 0.001],
  [0.5, 0.005],
  [10, 0.01],
  [20, 0.02],
  [100, 0.05],
  [200, 0.1],
  [500, 0.2],
  [1000, 0.5],
  [Number.POSITIVE_INFINITY, 1],
] as const;

const BOARD_LOT = 100;
const HONG_KONG_OFFSET_MS = 8 * 3_600_000;

interface Session {
  day: string;
  price: number;
  open: number;
  high: number;
  low: number;
  volume: number;
}

export interface SimulatedMarket {
  /** The next quote of a symbol. Open, high, low and volume are of its session, which begins anew each Hong Kong day. */
  quote(symbol: string, nowMs: number): PublishedMarketData;
}

/** A random walk for each symbol: no market's data, only like it in form. The same seed walks the same way. */
export function createSimulatedMarket(seed: number): SimulatedMarket {
  const random = seededRandom(seed);
  const sessions = new Map<string, Session>();

  return {
    quote(symbol, nowMs) {
      const day = new Date(nowMs + HONG_KONG_OFFSET_MS).toISOString().slice(0, 10);
      const before = sessions.get(symbol);
      const session = before?.day === day ? before : openSession(day, before?.price ?? SYMBOLS[symbol] ?? 100);
      const steps = Math.round((random() + random() - 1) * 3);
      session.price = step(session.price, steps);
      session.high = Math.max(session.high, session.price);
      session.low = Math.min(session.low, session.price);
      session.volume += BOARD_LOT * Math.ceil(random() * 40);
      sessions.set(symbol, session);
      const { price, open, high, low, volume } = session;
      return { type: 'market_data', symbol, data: { timestamp: nowMs / 1000, price, open, high, low, volume } };
    },
  };
}

function openSession(day: string, price: number): Session {
  return { day, price, open: price, high: price, low: price, volume: 0 };
}

/** Moves a price by whole spreads, never below one; what binary fractions add is rounded off. */
function step(price: number, steps: number): number {
  const spread = SPREADS.find(([below]) => price < below)?.[1] ?? 1;
  return Number(Math.max(spread, price + steps * spread).toFixed(3));
}

/** mulberry32: 32 bits of state, evenly spread over [0, 1). Good enough for prices that are not real. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
