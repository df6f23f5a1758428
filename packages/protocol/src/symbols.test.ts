import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { isKey, normalSymbol } from './symbols.ts';

/** The same that clients are held to; null is no symbol. */
const vectors = JSON.parse(readFileSync(new URL('../conformance/clients/symbols.json', import.meta.url), 'utf8')) as {
  symbol: string;
  key: string | null;
}[];

describe('normalSymbol', () => {
  test.each(vectors)('$symbol is $key', ({ symbol, key }) => {
    expect(normalSymbol(symbol)).toBe(key);
  });

  const spelling = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.stringMatching(/^0{0,60}\d{1,7}\.[Hh][Kk]$/),
    fc.stringMatching(/^[Hh][Kk]\.0{0,60}\d{1,7}$/),
    fc.stringMatching(/^[A-Za-z0-9.^=_-]{1,64}$/),
  );

  test('a normal form is a key and its own normal form', () => {
    fc.assert(
      fc.property(spelling, (raw) => {
        const normal = normalSymbol(raw);
        expect(normal !== null).toBe(isKey(raw));
        if (normal === null) return;
        expect(isKey(normal)).toBe(true);
        expect(normalSymbol(normal)).toBe(normal);
      }),
      { numRuns: 2000 },
    );
  });

  test('every spelling of a Hong Kong code has the same normal form', () => {
    const code = fc.integer({ min: 0, max: 99_999 });
    fc.assert(
      fc.property(code, fc.nat({ max: 20 }), (number, zeros) => {
        const digits = '0'.repeat(zeros) + String(number);
        const expected = `${String(number).padStart(4, '0')}.HK`;
        const spellings = [`${digits}.HK`, `${digits}.hk`, `HK.${digits}`, `hk.${digits}`];
        expect(new Set(spellings.map(normalSymbol))).toEqual(new Set([expected]));
      }),
    );
  });
});
