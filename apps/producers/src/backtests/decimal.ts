/**
 * Exact arithmetic on decimals. Amounts are whole numbers of a small unit, as bigint: cents for money, mills (1/1000
 * HKD) for prices, millionths for rates. Binary fractions never enter, so that a second calculation agrees to the cent.
 */

/**
 * A number in units of 10^-digits, as its shortest decimal text says it: 1.0005 is 1001 mills, although the double is a
 * little less. Halves are rounded up.
 *
 * @returns null when it is not finite, or has more such units than a double counts
 */
export function scaled(value: number, digits: number): bigint | null {
  const units = Math.round(shiftPoint(value, digits));
  return Number.isSafeInteger(units) ? BigInt(units) : null;
}

/** Whether a number has no more than so many digits after the point. */
export function hasDigits(value: number, digits: number): boolean {
  return Number.isSafeInteger(shiftPoint(value, digits));
}

/** Multiplied by 10^digits in its text, which is exact; as a product, 1.0005 * 1000 is 1000.4999999999999. */
function shiftPoint(value: number, digits: number): number {
  const [mantissa, exponent = '0'] = String(value).split('e');
  return Number(`${mantissa}e${Number(exponent) + digits}`);
}

/** `amount / divisor` rounded to a whole number, halves away from zero. The divisor is positive. */
export function divideRounded(amount: bigint, divisor: bigint): bigint {
  const size = amount < 0n ? -amount : amount;
  const rounded = (2n * size + divisor) / (2n * divisor);
  return amount < 0n ? -rounded : rounded;
}

/** Cents as HKD. */
export function toHkd(cents: bigint): number {
  return Number(cents) / 100;
}
