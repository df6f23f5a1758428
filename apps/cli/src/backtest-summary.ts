const MONEY = new Set(['initial_cash', 'final_equity', 'profit', 'fees', 'cash']);
const RATIOS = new Set(['total_return', 'max_drawdown']);

/** The result of a backtest, a line a figure. Figures that are not known here are shown as they are. */
export function summaryTable(result: unknown): string {
  const rows = Object.entries(result ?? {}).map(([name, value]: [string, unknown]) => {
    return [name.replaceAll('_', ' '), readable(name, value)] as const;
  });
  const [names, values] = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map(([name, value]) => `${name.padEnd(names ?? 0)}  ${value.padStart(values ?? 0)}`).join('\n');
}

function readable(name: string, value: unknown): string {
  if (typeof value !== 'number') return String(value);
  if (MONEY.has(name)) return `${grouped(value, 2)} HKD`;
  if (RATIOS.has(name)) return `${(value * 100).toFixed(4)} %`;
  return Number.isInteger(value) ? grouped(value, 0) : String(value);
}

function grouped(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
