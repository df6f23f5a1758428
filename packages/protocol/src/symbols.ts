/** What a key (symbol, agent id, backtest id) may look like; it keeps `:` and braces out of Redis names. */
export const KEY_PATTERN = '^[A-Za-z0-9.^=_-]{1,64}$';

const KEY = new RegExp(KEY_PATTERN);
/** Hong Kong codes as they are written; the group is the number without its leading zeros. */
export const HONG_KONG_SUFFIX = /^0*(\d{1,5})\.HK$/;
export const HONG_KONG_PREFIX = /^HK\.0*(\d{1,5})$/;

/** Whether `raw` is a well-formed key: 1 to 64 characters of `A-Z a-z 0-9 . ^ = _ -`. */
export function isKey(raw: string): boolean {
  return KEY.test(raw);
}

/**
 * Brings a stock symbol to its one form: upper case, and Hong Kong codes as at least four digits with `.HK`
 * (`700.HK`, `0700.hk` and `HK.00700` are all `0700.HK`).
 *
 * @returns the normal form, or null when `raw` can't be a symbol
 */
export function normalSymbol(raw: string): string | null {
  // Checked before the case is changed: toUpperCase() turns some letters outside ASCII into letters inside it.
  if (!isKey(raw)) return null;
  const symbol = raw.toUpperCase();
  const digits = (HONG_KONG_SUFFIX.exec(symbol) ?? HONG_KONG_PREFIX.exec(symbol))?.[1];
  return digits === undefined ? symbol : `${digits.padStart(4, '0')}.HK`;
}
