import { normalSymbol } from '@tickcast/protocol';
import { isDate, sessionEnd } from './calendar.ts';
import type { Trade } from './session.ts';

/** A row as it stands in a file: texts in CSV, any JSON value in NDJSON. */
export type Fields = Readonly<Record<string, unknown>>;

const TICK = ['price'] as const;
const BAR = ['open', 'high', 'low', 'close'] as const;
/** Number() would also take '' and 0x10. */
const NUMBER = /^-?\d+(\.\d*)?(e[+-]?\d+)?$/i;
const WITHOUT_ZONE = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$/;
const WITH_ZONE = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
/** 1973 to 5138: what is outside was meant to be something else, such as milliseconds or 20210104. */
const UNIX_SECONDS = { least: 1e8, below: 1e11 };

/** What a row needs, in words; null when the names are enough. */
export function missingColumns(names: readonly string[]): string | null {
  const has = (column: string) => names.includes(column);
  if (['timestamp', 'symbol', 'volume'].every(has) && (TICK.every(has) || BAR.every(has))) return null;
  return 'needs timestamp, symbol, volume, and either price (ticks) or open, high, low, close (bars)';
}

/**
 * Reads one row: a tick, or a bar, whose timestamp is its end.
 *
 * @throws an Error whose message names the field and what it must be
 */
export function parseRow(fields: Fields): Trade {
  const missing = missingColumns(Object.keys(fields));
  if (missing !== null) throw new Error(`the row ${missing}`);
  const symbol = symbolIn(fields);
  const timestamp = timestampIn(fields);
  const volume = numberIn(fields, 'volume');
  if (volume < 0) throw wrong(fields, 'volume', 'shares, 0 or more');
  if (fields['close'] === undefined) {
    const price = priceIn(fields, 'price');
    return { symbol, timestamp, open: price, high: price, low: price, price, volume };
  }
  const [open, high, low, price] = BAR.map((name) => priceIn(fields, name)) as [number, number, number, number];
  if (high < Math.max(open, low, price)) throw wrong(fields, 'high', 'the highest of open, high, low and close');
  if (low > Math.min(open, price)) throw wrong(fields, 'low', 'the lowest of open, high, low and close');
  return { symbol, timestamp, open, high, low, price, volume };
}

function symbolIn(fields: Fields): string {
  const symbol = typeof fields['symbol'] === 'string' ? normalSymbol(fields['symbol']) : null;
  if (symbol === null) throw wrong(fields, 'symbol', 'a symbol such as 0700.HK');
  return symbol;
}

function timestampIn(fields: Fields): number {
  const { timestamp } = fields;
  const seconds = typeof timestamp === 'string' ? timeIn(timestamp) : timestamp;
  if (typeof seconds === 'number' && seconds >= UNIX_SECONDS.least && seconds < UNIX_SECONDS.below) return seconds;
  throw wrong(
    fields,
    'timestamp',
    'Unix seconds, ISO 8601 (Hong Kong time when it names no zone) or a date YYYY-MM-DD, from 1974 on',
  );
}

/** Unix seconds; NaN when the text is no time. */
function timeIn(text: string): number {
  if (text.includes('-', 1)) {
    if (!isDate(text.slice(0, 10))) return Number.NaN;
    if (text.length === 10) return sessionEnd(text);
    if (WITH_ZONE.test(text)) return Date.parse(text) / 1000;
    return WITHOUT_ZONE.test(text) ? Date.parse(`${text}+08:00`) / 1000 : Number.NaN;
  }
  return NUMBER.test(text) ? Number(text) : Number.NaN;
}

function priceIn(fields: Fields, name: string): number {
  const price = numberIn(fields, name);
  if (price <= 0) throw wrong(fields, name, 'a price over 0');
  return price;
}

function numberIn(fields: Fields, name: string): number {
  const value = fields[name];
  const number = typeof value === 'string' && NUMBER.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw wrong(fields, name, 'a number');
}

function wrong(fields: Fields, name: string, wanted: string): Error {
  const found = JSON.stringify(fields[name]).slice(0, 60);
  return new Error(`${name} must be ${wanted}, not ${found}`);
}
