import type { Figure } from '../types.ts';

const DIGITS = 3;

/** Three digits that mean something: `0.432`, `3.10`, `64.0`, `100,000`; a dash for a value that there is none of. */
export function inDigits(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 10 ** DIGITS) return Math.round(value).toLocaleString('en');
  return value.toPrecision(DIGITS);
}

/** `3.10 µs (2.98-3.22)`; without its spread when it was measured once. */
export function inWords({ median, min, max, unit }: Figure): string {
  const gap = unit === 'x' || unit === '' ? '' : ' ';
  const middle = `${inDigits(median)}${gap}${unit}`;
  return min === max ? middle : `${middle} (${inDigits(min)}-${inDigits(max)})`;
}
