import { type Channel, HONG_KONG_PREFIX, HONG_KONG_SUFFIX, KEY } from './generated/protocol.ts';

/**
 * Brings a key to the form that names its stream, as the server does: symbols in upper case, Hong Kong codes as at least four
 * digits with `.HK`; ids of agents and backtests keep their case.
 *
 * @returns null when `raw` can't be a key
 */
export function normalKey(channel: Channel, raw: string): string | null {
  if (!KEY.test(raw)) return null;
  if (channel !== 'market_data') return raw;
  const symbol = raw.toUpperCase();
  const digits = (HONG_KONG_SUFFIX.exec(symbol) ?? HONG_KONG_PREFIX.exec(symbol))?.[1];
  return digits === undefined ? symbol : `${digits.padStart(4, '0')}.HK`;
}
