import { sessionOf } from './calendar.ts';
import type { Quote } from './feed.ts';
import { seededRandom, textSeed } from './random.ts';
import { quoteAfter } from './session.ts';
import { toSpread } from './spreads.ts';
import { usualPrice } from './symbols.ts';

/** Standard deviation of a second's move. Ten symbols make a move of 0.5 % within a minute every few seconds. */
const VOLATILITY = 0.00085;
/** A price that has gone away comes back with this time constant: for days the walk stays within some percent. */
const RETURN_SECONDS = 1800;
/**
 * A clock that was set back, or is behind that of the worker before, makes quotes of the same moment until it has caught up.
 * A last value further ahead is of a clock that was wrong by far, and counts as one of another day.
 */
const MOST_AHEAD_SECONDS = 86_400;
const BOARD_LOT = 100;
const MOST_LOTS = 40;

export interface RandomWalk {
  /**
   * The next quote of a symbol. Two of them are about `1 / rate` seconds apart, whatever the clock says.
   *
   * @param now Unix seconds: its timestamp, unless that of the quote before is later
   */
  quote(symbol: string, now: number): Quote;
}

interface WalkOptions {
  seed: number;
  /** Quotes a second of a symbol: the more there are, the smaller their steps. */
  rate: number;
  /** Where symbols go on from; the others begin at their usual price. */
  last: ReadonlyMap<string, Quote>;
}

interface Walker {
  quote: Quote | undefined;
  /** What the stock would be worth if prices had no spread; steps smaller than a spread add up here. */
  value: number;
  readonly usual: number;
  readonly random: () => number;
}

/** A random walk for each symbol: no market's data, only like it in form. The same seed walks the same way. */
export function createRandomWalk({ seed, rate, last }: WalkOptions): RandomWalk {
  const walkers = new Map<string, Walker>();
  const step = VOLATILITY / Math.sqrt(rate);
  const pull = Math.min(1, 1 / (RETURN_SECONDS * rate));

  const walkerOf = (symbol: string): Walker => {
    let walker = walkers.get(symbol);
    if (walker === undefined) {
      const usual = usualPrice(symbol);
      const quote = last.get(symbol);
      const value = quote === undefined ? usual : toSpread(quote.price);
      walker = { quote, value, usual, random: seededRandom(seed ^ textSeed(symbol)) };
      walkers.set(symbol, walker);
    }
    return walker;
  };

  return {
    quote(symbol, now) {
      const walker = walkerOf(symbol);
      const { random } = walker;
      const before = isFarAhead(walker.quote, now) ? undefined : walker.quote;
      const timestamp = Math.max(now, before?.timestamp ?? now);
      // A session opens where the one before has closed.
      if (before !== undefined && sessionOf(before.timestamp) === sessionOf(timestamp)) {
        // Above 0 however far away the last value of somebody else was.
        walker.value *= Math.exp(step * bell(random) + pull * Math.log(walker.usual / walker.value));
      }
      const price = toSpread(walker.value);
      const volume = BOARD_LOT * Math.ceil(random() * MOST_LOTS);
      walker.quote = quoteAfter(before, { symbol, timestamp, open: price, high: price, low: price, price, volume });
      return walker.quote;
    },
  };
}

function isFarAhead(quote: Quote | undefined, now: number): boolean {
  return quote !== undefined && quote.timestamp - now > MOST_AHEAD_SECONDS;
}

/** Like a normal distribution of variance 1, but never beyond 3: a step has a bound. */
function bell(random: () => number): number {
  return (random() + random() + random() - 1.5) * 2;
}
