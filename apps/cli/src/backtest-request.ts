import type { BacktestRequest } from '@tickcast/jobs';
import { keyArgument } from './arguments.ts';
import { UsageError } from './failures.ts';

interface RequestValues {
  strategy?: string | undefined;
  symbol?: string | undefined;
  from: string;
  to: string;
  data: string;
  param?: string[] | undefined;
  'days-per-second'?: string | undefined;
}

/** @throws UsageError for what is missing or no number; the queue checks the rest */
export function readRequest(values: RequestValues): BacktestRequest {
  const { strategy, symbol, from, to, data } = values;
  if (!strategy) throw new UsageError('--strategy NAME is needed, such as ma_crossover or buy_and_hold');
  if (!symbol) throw new UsageError('--symbol SYMBOL is needed, such as 0700.HK');
  const pace = values['days-per-second'];
  return {
    strategy,
    symbol: keyArgument('market_data', symbol),
    from,
    to,
    params: Object.fromEntries((values.param ?? []).map(readParam)),
    data,
    ...(pace === undefined ? {} : { days_per_second: readNumber('--days-per-second', pace) }),
  };
}

function readParam(text: string): [string, number] {
  const [, name, value] = /^(\w+)=(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new UsageError(`--param "${text}" is not NAME=NUMBER`);
  return [name, readNumber(`--param ${name}`, value)];
}

function readNumber(option: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new UsageError(`${option} must be a number; it is "${text}"`);
}
