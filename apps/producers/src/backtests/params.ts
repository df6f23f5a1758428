import { hasDigits } from './decimal.ts';
import { BacktestRefusedError } from './errors.ts';
import type { ParamRule, Strategy } from './strategy.ts';

type Params = Readonly<Record<string, number>>;

/** The parameters that every strategy has: they are about the account, not about the decision. */
const ACCOUNT_PARAMS = {
  /** HKD. */
  initial_cash: { default: 1_000_000, minimum: 0.01, maximum: 1e12, digits: 2 },
  /** Part of each trade's value. */
  fee_rate: { default: 0.001, minimum: 0, maximum: 0.1, digits: 6 },
  /** Shares in a board lot. */
  lot: { default: 100, minimum: 1, maximum: 1_000_000, digits: 0 },
} as const satisfies Record<string, ParamRule>;

export type AccountParams = Readonly<Record<keyof typeof ACCOUNT_PARAMS, number>>;

/**
 * All parameters of a backtest: the given ones, and defaults for the others.
 *
 * @throws BacktestRefusedError when one is unknown or out of its bounds, or they contradict each other
 */
export function completeParams(strategy: Strategy, given: Params): { account: AccountParams; own: Params } {
  const rules: Readonly<Record<string, ParamRule>> = { ...strategy.params, ...ACCOUNT_PARAMS };
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(rules, name));
  if (unknown !== undefined) {
    const known = Object.keys(rules).join(', ');
    throw new BacktestRefusedError(`${strategy.name} has no parameter "${unknown}"; it has ${known}`);
  }
  const complete = <Rules extends Readonly<Record<string, ParamRule>>>(of: Rules) =>
    Object.fromEntries(
      Object.entries(of).map(([name, rule]) => [name, checked(name, given[name] ?? rule.default, rule)]),
    ) as Record<keyof Rules, number>;
  const own = complete(strategy.params);
  const conflict = strategy.conflict?.(own) ?? null;
  if (conflict !== null) throw new BacktestRefusedError(conflict);
  return { own, account: complete(ACCOUNT_PARAMS) };
}

function checked(name: string, value: number, { minimum, maximum, digits }: ParamRule): number {
  if (value >= minimum && value <= maximum && hasDigits(value, digits)) return value;
  const kind = digits === 0 ? 'a whole number' : `a number of at most ${digits} digits after the point`;
  throw new BacktestRefusedError(`${name} must be ${kind}, from ${minimum} to ${maximum}; it is ${value}`);
}
