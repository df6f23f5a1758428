import type { CommandSpec } from './command-spec.ts';
import { COMMAND_SPECS } from './command-table.ts';
import { EXIT_CODES } from './exit-codes.ts';

const COLUMNS = 110;

/** What `tickcast --help` prints. */
export function generalHelp(): string {
  const rows = [...COMMAND_SPECS].map(
    ([name, { synopsis, summary }]) => [`${name} ${synopsis}`.trim(), summary] as const,
  );
  const codes = Object.values(EXIT_CODES).map(({ code, meaning }) => [String(code), meaning] as const);
  return [
    'Usage: tickcast COMMAND',
    '',
    ...table(rows),
    '',
    'tickcast COMMAND --help says more of each, and tickcast --version which one this is.',
    '',
    'Channels: market_data (KEY: a symbol), agent_status (an agent), backtest_progress (a backtest), alerts (no KEY).',
    '',
    'Environment: TICKCAST_REDIS_URL, TICKCAST_REDIS_PREFIX, TICKCAST_AUTH_SECRET or TICKCAST_AUTH_SECRET_FILE,',
    'TICKCAST_URL, TICKCAST_TOKEN. While `npm start` runs, what is not set is taken from it.',
    '',
    'Exit codes:',
    ...table(codes),
  ].join('\n');
}

/**
 * What `tickcast NAME --help` prints.
 *
 * @param name of a command, or the first word of several, such as `backtest`
 * @returns null when there is none
 */
export function commandHelp(name: string): string | null {
  const spec = COMMAND_SPECS.get(name);
  if (spec !== undefined) return describe(name, spec);
  const below = [...COMMAND_SPECS].filter(([other]) => other.startsWith(`${name} `));
  return below.length === 0 ? null : below.map(([other, each]) => describe(other, each)).join('\n\n');
}

function describe(name: string, { synopsis, summary, details, options }: CommandSpec): string {
  const rows = Object.entries(options).map(
    ([option, { value, help }]) => [value === undefined ? `--${option}` : `--${option} ${value}`, help] as const,
  );
  const usage = ['Usage: tickcast', name, synopsis, rows.length === 0 ? '' : '[OPTIONS]'].filter((part) => part !== '');
  const paragraphs = [`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`, ...details];
  return [
    usage.join(' '),
    ...paragraphs.flatMap((paragraph) => ['', ...wrap(paragraph, COLUMNS)]),
    ...(rows.length === 0 ? [] : ['', ...table(rows)]),
  ].join('\n');
}

/** Two columns, the second one wrapped. */
function table(rows: ReadonlyArray<readonly [string, string]>): string[] {
  const width = Math.max(...rows.map(([first]) => first.length)) + 2;
  return rows.flatMap(([first, second]) =>
    wrap(second, COLUMNS - width - 2).map((line, at) => `  ${(at === 0 ? first : '').padEnd(width)}${line}`),
  );
}

function wrap(words: string, width: number): string[] {
  const lines = [''];
  for (const word of words.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
