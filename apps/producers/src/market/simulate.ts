import { setTimeout as sleep } from 'node:timers/promises';
import { type Hours, isOpen } from './calendar.ts';
import type { Feed, Quote } from './feed.ts';
import { createRandomWalk } from './random-walk.ts';
import { seededRandom, shuffle } from './random.ts';
import { Schedule } from './schedule.ts';

export interface Simulation {
  symbols: readonly string[];
  /** Quotes a second of each symbol. */
  rate: number;
  seed: number;
  hours: Hours;
  /** Dates on which the exchange is closed. */
  holidays: ReadonlySet<string>;
}

const CLOSED_MS = 1000;
/** More may come due than can be made meanwhile. */
const MAX_BATCH = 4096;

/** A SIMULATION: quotes of a random walk in the hours of trade, spread over time as those of a market would be. */
export function createSimulation({ symbols, rate, seed, hours, holidays }: Simulation): Feed {
  return {
    symbols: () => Promise.resolve(symbols),
    async *quotes(last, signal) {
      const walk = createRandomWalk({ seed, rate, last });
      const turns = createTurns(symbols, 1000 / rate, seed);
      const schedule = new Schedule();
      while (!signal.aborted) {
        const now = Date.now() / 1000;
        if (!isOpen(hours, now, holidays)) {
          await sleep(CLOSED_MS, undefined, { signal }).catch(() => undefined);
          continue;
        }
        const batch: Quote[] = [];
        while (schedule.isDue && batch.length < MAX_BATCH) {
          const { symbol, untilNextMs } = turns();
          batch.push(walk.quote(symbol, now));
          schedule.later(untilNextMs);
        }
        if (batch.length > 0) yield batch;
        await schedule.turn(signal);
      }
    },
  };
}

/**
 * Whose turn it is, and how long until the next one's. Each symbol has one turn a round, in a new order each time and at a
 * random moment of an equal share of the round: so quotes never come all at once, nor by the clock.
 */
function createTurns(symbols: readonly string[], roundMs: number, seed: number) {
  const random = seededRandom(seed);
  const order = [...symbols];
  const shareMs = roundMs / symbols.length;
  let next = order.length;
  let moment = random();
  return (): { symbol: string; untilNextMs: number } => {
    if (next === order.length) {
      shuffle(order, random);
      next = 0;
    }
    const symbol = order[next++] as string;
    const before = moment;
    moment = random();
    return { symbol, untilNextMs: shareMs * (1 + moment - before) };
  };
}
