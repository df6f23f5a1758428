import type { DailyBar } from '../market/daily-bars.ts';
import { divideRounded, scaled, toHkd } from './decimal.ts';
import { BacktestRefusedError } from './errors.ts';
import { History } from './history.ts';
import { completeParams } from './params.ts';
import { Portfolio, type SavedPortfolio } from './portfolio.ts';
import { refuseOtherBars } from './same-bars.ts';
import { STRATEGIES } from './strategies/mod.ts';
import type { Strategy } from './strategy.ts';

export { BacktestRefusedError } from './errors.ts';

export interface BacktestRun {
  /** In order of time, one a day. */
  readonly bars: readonly DailyBar[];
  readonly strategy: string;
  /** The strategy's own, and `initial_cash`, `fee_rate` and `lot`; what is missing has its default. */
  readonly params: Readonly<Record<string, number>>;
}

/** All that another process needs to go on, as JSON: the portfolio and the day. */
export interface BacktestCheckpoint {
  readonly completed_days: number;
  /** Fingerprint of all bars: with others the rest would not fit. */
  readonly bars: string;
  /** What the last order was for, in millionths of the equity. */
  readonly target: number;
  /** The highest equity of any close, in cents. */
  readonly peak: string;
  /** In millionths. */
  readonly max_drawdown: number;
  readonly portfolio: SavedPortfolio;
}

/** What came of a backtest. Money in HKD to the cent, ratios to 6 digits, both rounded half away from zero. */
export interface BacktestSummary {
  readonly initial_cash: number;
  /** Cash and shares, at the last close. */
  readonly final_equity: number;
  readonly profit: number;
  /** Profit as part of the initial cash. */
  readonly total_return: number;
  /** The deepest fall of the equity at a close below the highest before it, as part of that. */
  readonly max_drawdown: number;
  /** Buys and sells. */
  readonly trades: number;
  readonly fees: number;
  readonly shares: number;
  readonly cash: number;
  readonly first_date: string;
  readonly last_date: string;
  readonly days: number;
}

const MILLIONTHS = 1_000_000n;

/**
 * Begins a backtest, or goes on with one.
 *
 * @throws BacktestRefusedError when the strategy is unknown, a parameter or a bar is not good, there are no bars, or the
 *   checkpoint was made with others
 */
export function startBacktest({ bars, strategy: name, params }: BacktestRun, from?: BacktestCheckpoint): Backtest {
  const strategy = STRATEGIES.find((known) => known.name === name);
  if (strategy === undefined) {
    const known = STRATEGIES.map((one) => one.name).join(', ');
    throw new BacktestRefusedError(`there is no strategy "${name}"; there are ${known}`);
  }
  const { account, own } = completeParams(strategy, params);
  const history = new History(bars, from?.completed_days ?? 0);
  refuseOtherBars(from === undefined || history.fingerprint === from.bars);
  return new Backtest(strategy, own, history, new Portfolio(account, from?.portfolio), from);
}

/** One backtest, a day at a time. Nothing but its bars and parameters decides what comes of it. */
export class Backtest {
  readonly #strategy: Strategy;
  readonly #params: Readonly<Record<string, number>>;
  readonly #history: History;
  readonly #portfolio: Portfolio;
  #target: bigint;
  #peak: bigint;
  #maxDrawdown: bigint;

  constructor(
    strategy: Strategy,
    params: Readonly<Record<string, number>>,
    history: History,
    portfolio: Portfolio,
    from?: BacktestCheckpoint,
  ) {
    this.#strategy = strategy;
    this.#params = params;
    this.#history = history;
    this.#portfolio = portfolio;
    this.#target = BigInt(from?.target ?? 0);
    this.#peak = BigInt(from?.peak ?? portfolio.initialCash);
    this.#maxDrawdown = BigInt(from?.max_drawdown ?? 0);
  }

  get totalDays(): number {
    return this.#history.total;
  }

  get completedDays(): number {
    return this.#history.length;
  }

  /** YYYY-MM-DD: the last day that is over; the first one before any is. */
  get currentDate(): string {
    return this.#history.date;
  }

  get done(): boolean {
    return this.completedDays === this.totalDays;
  }

  /**
   * Lives through the next day: what the strategy wants after the close before it is done at its open, and its close
   * says what the portfolio is worth. Does nothing when no day is left.
   *
   * @throws BacktestRefusedError when the strategy wants what can't be had
   */
  step(): void {
    if (this.done) return;
    const target = this.#decide();
    if (target !== this.#target) {
      this.#portfolio.rebalance(target, this.#history.nextOpen);
      this.#target = target;
    }
    this.#history.advance();
    this.#mark(this.#portfolio.equity(this.#history.lastClose));
  }

  checkpoint(): BacktestCheckpoint {
    return {
      completed_days: this.completedDays,
      bars: this.#history.fingerprint,
      target: Number(this.#target),
      peak: String(this.#peak),
      max_drawdown: Number(this.#maxDrawdown),
      portfolio: this.#portfolio.save(),
    };
  }

  /** What came of it so far. */
  summary(): BacktestSummary {
    const { initialCash, cash, shares, fees, trades } = this.#portfolio;
    const equity = this.#portfolio.equity(this.#history.lastClose);
    const profit = equity - initialCash;
    return {
      initial_cash: toHkd(initialCash),
      final_equity: toHkd(equity),
      profit: toHkd(profit),
      total_return: toRatio(divideRounded(profit * MILLIONTHS, initialCash)),
      max_drawdown: toRatio(this.#maxDrawdown),
      trades,
      fees: toHkd(fees),
      shares: Number(shares),
      cash: toHkd(cash),
      first_date: this.#history.firstDate,
      last_date: this.currentDate,
      days: this.completedDays,
    };
  }

  /** In millionths of the equity. Before the first close there is nothing to decide on. */
  #decide(): bigint {
    if (this.completedDays === 0) return 0n;
    const wanted = this.#strategy.target(this.#history, this.#params);
    const target = wanted >= 0 && wanted <= 1 ? scaled(wanted, 6) : null;
    if (target !== null) return target;
    const what = `${this.#strategy.name} wants ${wanted} of the equity in the stock after ${this.currentDate}`;
    throw new BacktestRefusedError(`${what}: a strategy's target must be from 0 to 1`);
  }

  #mark(equity: bigint): void {
    if (equity > this.#peak) this.#peak = equity;
    const drawdown = divideRounded((this.#peak - equity) * MILLIONTHS, this.#peak);
    if (drawdown > this.#maxDrawdown) this.#maxDrawdown = drawdown;
  }
}

function toRatio(millionths: bigint): number {
  return Number(millionths) / 1_000_000;
}
