import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { isKey, normalSymbol } from './symbols.ts';

describe('normalSymbol', () => {
  test.each([
    ['0700.HK', '0700.HK'],
    ['700.HK', '0700.HK'],
    ['0700.hk', '0700.HK'],
    ['HK.00700', '0700.HK'],
    ['hk.5', '0005.HK'],
    ['00000.HK', '0000.HK'],
    ['80700.HK', '80700.HK'],
    ['00080700.HK', '80700.HK'],
    ['^hsi', '^HSI'],
    ['brk-b', 'BRK-B'],
    ['EURUSD=X', 'EURUSD=X'],
    ['A_1', 'A_1'],
  ])('%s is %s', (raw, normal) => {
    expect(normalSymbol(raw)).toBe(normal);
  });

  test.each(['123456.HK', 'HK.123456', '.HK', 'HK.'])('%s is no Hong Kong code and stays as it is', (raw) => {
    expect(normalSymbol(raw)).toBe(raw);
  });

  test.each(['', ' ', '0700 .HK', '0700.HK\n', 'a:b', '{x}', 'ı', 'ß', '７００.HK', 'A'.repeat(65)])(
    '%j is not a symbol',
    (raw) => {
      expect(normalSymbol(raw)).toBeNull();
    },
  );

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
