import { divideRounded, scaled } from './decimal.ts';
import type { AccountParams } from './params.ts';

/** A portfolio as JSON; amounts are whole cents, as text, so that no size of them loses a digit. */
export interface SavedPortfolio {
  readonly cash: string;
  readonly shares: string;
  readonly fees: string;
  readonly trades: number;
}

const MILLIONTHS = 1_000_000n;
const MILLS_A_CENT = 10n;

/** Cash and whole board lots of one stock. It never owes money, and never owes shares. */
export class Portfolio {
  readonly initialCash: bigint;
  readonly #lot: bigint;
  readonly #feeRate: bigint;
  #cash: bigint;
  #shares: bigint;
  #fees: bigint;
  #trades: number;

  constructor(account: AccountParams, saved?: SavedPortfolio) {
    this.initialCash = scaled(account.initial_cash, 2) ?? 0n;
    this.#lot = BigInt(account.lot);
    this.#feeRate = scaled(account.fee_rate, 6) ?? 0n;
    this.#cash = saved === undefined ? this.initialCash : BigInt(saved.cash);
    this.#shares = BigInt(saved?.shares ?? 0);
    this.#fees = BigInt(saved?.fees ?? 0);
    this.#trades = saved?.trades ?? 0;
  }

  get cash(): bigint {
    return this.#cash;
  }

  get shares(): bigint {
    return this.#shares;
  }

  get fees(): bigint {
    return this.#fees;
  }

  get trades(): number {
    return this.#trades;
  }

  save(): SavedPortfolio {
    const [cash, shares, fees] = [this.#cash, this.#shares, this.#fees].map(String);
    return { cash: cash ?? '', shares: shares ?? '', fees: fees ?? '', trades: this.#trades };
  }

  /** What it is worth in cents when the stock is at `price` mills. */
  equity(price: bigint): bigint {
    return this.#cash + valueOf(this.#shares, price);
  }

  /**
   * Buys or sells at `price` mills, so that as near as whole lots allow, but not more than, `target` millionths of the
   * equity are in the stock. What the cash does not pay for, its fee included, is not bought.
   */
  rebalance(target: bigint, price: bigint): void {
    const lotPrice = this.#lot * price;
    const held = this.#shares / this.#lot;
    const wanted = (target * this.equity(price) * MILLS_A_CENT) / (MILLIONTHS * lotPrice);
    if (wanted > held) this.#buy(wanted - held, price);
    else if (wanted < held) this.#trade(-(held - wanted) * this.#lot, price);
  }

  #buy(wanted: bigint, price: bigint): void {
    // A start at or above what can be paid: rounding takes less than a cent off a price and its fee.
    const most = ((this.#cash + 1n) * MILLS_A_CENT * MILLIONTHS) / (this.#lot * price * (MILLIONTHS + this.#feeRate));
    let lots = most < wanted ? most : wanted;
    while (lots > 0n && this.#cost(lots * this.#lot, price) > this.#cash) lots -= 1n;
    if (lots > 0n) this.#trade(lots * this.#lot, price);
  }

  #cost(shares: bigint, price: bigint): bigint {
    const value = valueOf(shares, price);
    return value + this.#feeOf(value);
  }

  #feeOf(value: bigint): bigint {
    return divideRounded(value * this.#feeRate, MILLIONTHS);
  }

  /** @param shares bought, or sold when negative */
  #trade(shares: bigint, price: bigint): void {
    const value = valueOf(shares, price);
    const fee = this.#feeOf(value < 0n ? -value : value);
    this.#shares += shares;
    this.#cash -= value + fee;
    this.#fees += fee;
    this.#trades += 1;
  }
}

/** In cents, halves rounded up; that of shares sold is the same, below zero. */
function valueOf(shares: bigint, price: bigint): bigint {
  return divideRounded(shares * price, MILLS_A_CENT);
}
