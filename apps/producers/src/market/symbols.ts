import { textSeed, seededRandom } from './random.ts';

/** What is simulated by default, with a price in HKD near which the walk stays. */
const KNOWN: Readonly<Record<string, number>> = {
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

export const MAX_SYMBOLS = 2000;

/** The well-known ones first, then the codes from 0001.HK on. */
export function someSymbols(count: number): string[] {
  const symbols = Object.keys(KNOWN);
  for (let code = 1; symbols.length < count; code++) {
    const symbol = `${String(code).padStart(4, '0')}.HK`;
    if (!Object.hasOwn(KNOWN, symbol)) symbols.push(symbol);
  }
  return symbols.slice(0, count);
}

/** A price in HKD to begin with, always the same for a symbol: of those that nobody knows, from 1 to 200. */
export function usualPrice(symbol: string): number {
  return KNOWN[symbol] ?? 200 ** seededRandom(textSeed(symbol))();
}
