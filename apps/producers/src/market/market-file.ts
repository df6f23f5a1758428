import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { pipeline } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { hongKongDate } from './calendar.ts';
import type { DailyBar } from './daily-bars.ts';
import { type Fields, missingColumns, parseRow } from './market-row.ts';
import type { Trade } from './session.ts';

/** A file of market data can't be used. The message names the file, the line and the field. */
export class MarketFileError extends Error {
  override readonly name = 'MarketFileError';
  readonly code = 'market_file_invalid';
}

interface Row extends Trade {
  readonly line: number;
}

interface RawRow {
  readonly line: number;
  readonly fields: Fields;
}

const BYTE_ORDER_MARK = '\uFEFF';
const COMMENT = '#';
/** Characters: a file without line breaks, or with a quote that is never closed, must not fill the memory. */
const MAX_LINE = 1_000_000;

/** Whether the name says that it is a file of a kind which can be read. */
export function isMarketFile(path: string): boolean {
  return readerOf(path) !== undefined;
}

/**
 * Reads the ticks or bars of a CSV or NDJSON file, a piece at a time, in order of time.
 *
 * @throws MarketFileError when the file can't be read, a row is not good or is older than the one before it
 */
export async function* readTrades(path: string): AsyncGenerator<Trade, void> {
  let latest = Number.NEGATIVE_INFINITY;
  for await (const row of readRows(path)) {
    if (row.timestamp < latest) {
      throw new MarketFileError(
        `${path}:${row.line}: timestamp is earlier than in the row before: sort the rows by time`,
      );
    }
    latest = row.timestamp;
    yield row;
  }
}

/**
 * Reads the daily bars of one symbol, in order of time. A file may hold several symbols, one after the other or mixed.
 *
 * @param from first date, `YYYY-MM-DD`
 * @param to last date, itself included
 * @returns none when the file has nothing of this symbol between the dates
 * @throws MarketFileError when the file can't be read, a row up to the last date is not good, or the rows of the symbol are
 * not one a day in order of time
 */
export async function readDailyBars(path: string, symbol: string, from: string, to: string): Promise<DailyBar[]> {
  const bars: DailyBar[] = [];
  let latest = '';
  for await (const row of readRows(path)) {
    if (row.symbol !== symbol) continue;
    const date = hongKongDate(row.timestamp);
    if (date <= latest) {
      const problem = date === latest ? 'a second row of' : 'out of order:';
      throw new MarketFileError(`${path}:${row.line}: ${problem} ${symbol} on ${date}: one bar a day is needed`);
    }
    latest = date;
    if (date > to) break;
    const { open, high, low, price: close, volume } = row;
    if (date >= from) bars.push({ date, open, high, low, close, volume });
  }
  return bars;
}

async function* readRows(path: string): AsyncGenerator<Row, void> {
  const read = readerOf(path);
  if (read === undefined) {
    throw new MarketFileError(`${path}: its name must end in .csv, .ndjson or .jsonl, to tell what is in it`);
  }
  try {
    for await (const { line, fields } of read(path)) yield { ...parseAt(path, line, fields), line };
  } catch (error) {
    if (error instanceof MarketFileError) throw error;
    throw new MarketFileError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

function readerOf(path: string): ((path: string) => AsyncGenerator<RawRow, void>) | undefined {
  const extension = extname(path).toLowerCase();
  if (extension === '.csv') return readCsv;
  return extension === '.ndjson' || extension === '.jsonl' ? readNdjson : undefined;
}

async function* readCsv(path: string): AsyncGenerator<RawRow, void> {
  const parser = parse({
    bom: true,
    trim: true,
    comment: COMMENT,
    comment_no_infix: true,
    skip_empty_lines: true,
    info: true,
    max_record_size: MAX_LINE,
  });
  // Ends the file with the parser, and the parser with what went wrong with the file.
  pipeline(createReadStream(path), parser, () => undefined);
  let columns: string[] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (columns === undefined) {
        columns = record.map((name) => name.toLowerCase());
        const missing = missingColumns(columns);
        if (missing !== null) throw new MarketFileError(`${path}:${info.lines}: the header ${missing}`);
      } else {
        yield { line: info.lines, fields: Object.fromEntries(columns.map((name, at) => [name, record[at]])) };
      }
    }
  } catch (error) {
    throw error instanceof CsvError ? csvProblem(path, error) : error;
  }
}

function csvProblem(path: string, error: CsvError): MarketFileError {
  const problem =
    error.code === 'CSV_MAX_RECORD_SIZE'
      ? `the row has over ${MAX_LINE} characters up to here: a line end or a closing quote is missing`
      : error.message;
  return new MarketFileError(`${path}:${error['lines']}: ${problem}`, { cause: error });
}

async function* readNdjson(path: string): AsyncGenerator<RawRow, void> {
  let line = 0;
  for await (const text of linesOf(path)) {
    line += 1;
    const json = (line === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text).trim();
    if (json !== '' && !json.startsWith(COMMENT)) yield { line, fields: objectIn(json, path, line) };
  }
}

/** Not by node:readline, which does not tell when its file fails. */
async function* linesOf(path: string): AsyncGenerator<string, void> {
  let rest = '';
  for await (const chunk of createReadStream(path, 'utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > MAX_LINE) throw new Error(`a line of it is over ${MAX_LINE} characters long`);
  }
  yield rest;
}

function objectIn(json: string, path: string, line: number): Fields {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  } catch {
    // Said below.
  }
  throw new MarketFileError(`${path}:${line}: the line must be one JSON object`);
}

function parseAt(path: string, line: number, fields: Fields): Trade {
  try {
    return parseRow(fields);
  } catch (error) {
    throw new MarketFileError(`${path}:${line}: ${(error as Error).message}`, { cause: error });
  }
}
