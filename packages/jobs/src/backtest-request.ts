import { KEY_PATTERN, normalSymbol } from '@tickcast/protocol';
import { type Static, Type } from 'typebox';
import { compileCheck } from './check.ts';

const Day = (description: string) => Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', description });

/** The data of a job in the queue `backtests`. */
export const BacktestRequest = Type.Object(
  {
    strategy: Type.String({ minLength: 1, maxLength: 64 }),
    symbol: Type.String({ pattern: KEY_PATTERN, description: 'a symbol such as 0700.HK' }),
    from: Day('the first day, YYYY-MM-DD'),
    to: Day('the last day, YYYY-MM-DD'),
    params: Type.Record(Type.String(), Type.Number()),
    data: Type.String({
      pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$',
      description: "the name of a file in the workers' data directory, such as daily-bars.csv",
    }),
    /** Slows it down to be watched. */
    days_per_second: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  },
  { additionalProperties: false },
);

export type BacktestRequest = Static<typeof BacktestRequest>;

const checkShape = compileCheck(BacktestRequest);

/**
 * What is wrong with a request, each problem naming its field; nothing when it is good. Whether there is such a strategy
 * and such data only the worker knows.
 */
export function checkBacktestRequest(value: unknown): string[] {
  const problems = checkShape(value);
  if (problems.length > 0) return problems;
  const { symbol, from, to } = value as BacktestRequest;
  const normal = normalSymbol(symbol);
  if (normal !== symbol) problems.push(`symbol must be in normal form: ${normal ?? '0700.HK'}`);
  if (!isDay(from)) problems.push(`from is no day of the calendar: ${from}`);
  if (!isDay(to)) problems.push(`to is no day of the calendar: ${to}`);
  if (from > to) problems.push(`from (${from}) must not be after to (${to})`);
  return problems;
}

/** Whether it is a day of the calendar, as YYYY-MM-DD. */
export function isDay(text: string): boolean {
  const at = new Date(`${text}T00:00:00Z`);
  // Date takes February 30 for March 2.
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === text;
}
