import type { DailyBar } from '../market/daily-bars.ts';
import { scaled } from './decimal.ts';
import { BacktestRefusedError } from './errors.ts';
import { fingerprintOf } from './same-bars.ts';
import type { PastDays } from './strategy.ts';

const MILLS = 1000;

/** The bars of a backtest, of which strategies see those up to today. */
export class History implements PastDays {
  readonly fingerprint: string;
  readonly #bars: readonly DailyBar[];
  readonly #opens: readonly bigint[];
  readonly #closes: readonly bigint[];
  /** Mills: entry n is the sum of the first n closes. */
  readonly #closeSums: Float64Array;
  #length: number;

  /**
   * @param length days that are over already
   * @throws BacktestRefusedError when there are none, or one has no good price or is not later than the one before
   */
  constructor(bars: readonly DailyBar[], length: number) {
    if (bars.length === 0) throw new BacktestRefusedError('there are no bars of this symbol from `from` to `to`');
    const unordered = bars.find(({ date }, index) => index > 0 && date <= (bars[index - 1]?.date ?? ''));
    if (unordered !== undefined) {
      throw new BacktestRefusedError(`the bar of ${unordered.date} comes after one of the same or a later day`);
    }
    this.fingerprint = fingerprintOf(bars);
    this.#bars = bars;
    this.#opens = bars.map((bar) => pricedAt(bar, 'open'));
    this.#closes = bars.map((bar) => pricedAt(bar, 'close'));
    this.#closeSums = new Float64Array(bars.length + 1);
    for (const [index, close] of this.#closes.entries()) {
      this.#closeSums[index + 1] = (this.#closeSums[index] ?? 0) + Number(close);
    }
    this.#length = length;
  }

  get length(): number {
    return this.#length;
  }

  get total(): number {
    return this.#bars.length;
  }

  get firstDate(): string {
    return this.#bars[0]?.date ?? '';
  }

  /** The last day that is over; the first one before any is. */
  get date(): string {
    return this.#bars[Math.max(0, this.#length - 1)]?.date ?? '';
  }

  /** Mills; of the day that comes next. */
  get nextOpen(): bigint {
    return this.#opens[this.#length] ?? 0n;
  }

  /** Mills; of the last day that is over. */
  get lastClose(): bigint {
    return this.#closes[this.#length - 1] ?? 0n;
  }

  advance(): void {
    this.#length += 1;
  }

  bar(daysAgo: number): DailyBar {
    const bar = daysAgo >= 0 ? this.#bars[this.#length - 1 - daysAgo] : undefined;
    if (bar !== undefined) return bar;
    throw new RangeError(`there is no day ${daysAgo} days ago: today is day ${this.#length}, counted from 1`);
  }

  averageClose(days: number): number | null {
    const first = this.#closeSums[this.#length - days];
    const last = this.#closeSums[this.#length];
    if (first === undefined || last === undefined || !(days > 0)) return null;
    // One division of whole numbers: rounded once, so that equal means are equal and others keep their order.
    return (last - first) / (days * MILLS);
  }
}

function pricedAt(bar: DailyBar, field: 'open' | 'close'): bigint {
  const mills = scaled(bar[field], 3);
  if (mills !== null && mills > 0n) return mills;
  throw new BacktestRefusedError(`the bar of ${bar.date} has no good ${field}: it is ${bar[field]}`);
}
