import type { DailyBar } from '../market/daily-bars.ts';

/** What values a parameter may have. */
export interface ParamRule {
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
  /** Digits that it may have after the point; 0 means a whole number. */
  readonly digits: number;
}

/** The days up to and including the one whose close was just seen, and no later one: a strategy can't look ahead. */
export interface PastDays {
  /** How many days there are, at least 1. */
  readonly length: number;
  /** The bar of so many days ago; 0 is today. @throws RangeError when there is no such day */
  bar(daysAgo: number): DailyBar;
  /**
   * The mean close in HKD of the last `days` days, today among them; null while there are not so many. It costs the same
   * however many they are, and two means compare as their exact values would.
   */
  averageClose(days: number): number | null;
}

/**
 * A way to trade one stock: write one, and add it to `strategies/mod.ts`.
 *
 * A strategy keeps nothing between days. That is why a backtest can go on in another process from its portfolio alone.
 */
export interface Strategy<Name extends string = string> {
  /** As in a request: `[a-z0-9_]+`. */
  readonly name: string;
  readonly params: Readonly<Record<Name, ParamRule>>;
  /** What is wrong with parameters that are each within their rule; null when nothing is. */
  conflict?(params: Readonly<Record<Name, number>>): string | null;
  /**
   * Decides at a day's close, for the next day's open. The same days and parameters must give the same answer.
   *
   * @returns the share of the equity to have in the stock, from 0 to 1
   */
  target(past: PastDays, params: Readonly<Record<Name, number>>): number;
}
