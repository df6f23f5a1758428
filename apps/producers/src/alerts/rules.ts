import { readFileSync } from 'node:fs';
import { compileCheck } from '@tickcast/jobs';
import { normalSymbol } from '@tickcast/protocol';
import type { Hours } from '../market/calendar.ts';
import { type Level, RULE_SCHEMAS, type WrittenRule } from './rules-schema.ts';

/** What a rule watches for: the fields of its type, with nothing left out. Symbols are in normal form. */
export type Watched =
  | { type: 'agent_memory'; percent: number }
  | { type: 'price_move'; symbols: readonly string[]; percent: number; windowSeconds: number }
  | { type: 'stale_feed'; symbols: readonly string[]; seconds: number; hours: Hours }
  | { type: 'failed_job'; count: number; windowSeconds: number }
  | { type: 'queue_depth'; queue: string; jobs: number }
  | { type: 'dead_letters'; jobs: number }
  | { type: 'cluster_near_cap'; percent: number }
  | { type: 'agent_stopped' };

type RuleType = Watched['type'];
export type WatchedOf<Type extends RuleType> = Extract<Watched, { type: Type }>;

export interface AlertRule {
  readonly name: string;
  readonly level: Level;
  /** Instead of the usual text. */
  readonly message: string | null;
  readonly source: string;
  readonly cooldownSeconds: number;
  readonly forSeconds: number;
  readonly watched: Watched;
}

const TYPES = Object.keys(RULE_SCHEMAS) as RuleType[];
const CHECKS = new Map(TYPES.map((type) => [type, compileCheck(RULE_SCHEMAS[type])]));

/**
 * Reads a file of alert rules.
 *
 * @throws Error with every problem of the file at once, each with the rule that it is in
 */
export function readRules(path: string): AlertRule[] {
  let text: string;
  try {
    // Editors of Windows put a mark in front that nobody sees, and that is no JSON (RFC 8259, section 8.1).
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new Error(`the alert rules can't be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    return parseRules(text);
  } catch (error) {
    throw new Error(`${path} is no good file of alert rules:\n${(error as Error).message}`, { cause: error });
  }
}

/** @throws Error with a line for each problem */
export function parseRules(text: string): AlertRule[] {
  const problems: string[] = [];
  const rules: AlertRule[] = [];
  const names = new Map<string, number>();
  for (const [index, written] of readList(text).entries()) {
    const number = index + 1;
    const found = problemsOf(written);
    const name = nameOf(written);
    const earlier = name === null ? undefined : names.get(name);
    if (earlier !== undefined) found.push(`has the name of rule ${earlier}; give it one of its own`);
    else if (name !== null) names.set(name, number);
    problems.push(...found.map((problem) => `rule ${number}${name === null ? '' : ` "${name}"`}: ${problem}`));
    if (found.length === 0) rules.push(toRule(written as WrittenRule[RuleType]));
  }
  if (problems.length > 0) throw new Error(problems.map((problem) => `  - ${problem}`).join('\n'));
  return rules;
}

/** The symbols that some rule needs the events of. */
export function symbolsOf(rules: readonly AlertRule[]): string[] {
  return [...new Set(rules.flatMap(({ watched }) => ('symbols' in watched ? watched.symbols : [])))];
}

/** Whether a subject can be one of the rule as it is now. */
export function covers({ watched }: AlertRule, subject: string): boolean {
  if ('symbols' in watched) return watched.symbols.includes(subject);
  return watched.type !== 'queue_depth' || watched.queue === subject;
}

function readList(text: string): unknown[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw new Error(`  - it is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const rules: unknown = isObject(file) ? file['rules'] : undefined;
  if (!isObject(file) || !Array.isArray(rules)) throw new Error('  - it must be {"rules": [ … ]}');
  const other = Object.keys(file).filter((field) => field !== 'rules' && field !== '$schema');
  if (other.length > 0) throw new Error(`  - ${other.join(', ')} can't stand beside "rules"; take it out`);
  return rules;
}

function problemsOf(written: unknown): string[] {
  if (!isObject(written)) return ['must be an object'];
  const type = TYPES.find((known) => known === written['type']);
  return type === undefined ? [`type must be one of ${TYPES.join(', ')}`] : [...(CHECKS.get(type)?.(written) ?? [])];
}

function nameOf(written: unknown): string | null {
  const name: unknown = isObject(written) ? written['name'] : undefined;
  return typeof name === 'string' ? name : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toRule(written: WrittenRule[RuleType]): AlertRule {
  return {
    name: written.name,
    level: written.level ?? 'warning',
    message: written.message ?? null,
    source: written.source ?? 'monitoring',
    cooldownSeconds: written.cooldown_seconds ?? 300,
    forSeconds: written.for_seconds ?? 0,
    watched: toWatched(written),
  };
}

function toWatched(written: WrittenRule[RuleType]): Watched {
  switch (written.type) {
    case 'agent_memory':
    case 'cluster_near_cap':
      return { type: written.type, percent: written.percent };
    case 'price_move': {
      const { type, percent, window_seconds: windowSeconds } = written;
      return { type, symbols: normal(written.symbols), percent, windowSeconds };
    }
    case 'stale_feed': {
      const { type, seconds, hours = 'always' } = written;
      return { type, symbols: normal(written.symbols), seconds, hours };
    }
    case 'failed_job':
      return { type: written.type, count: written.count ?? 1, windowSeconds: written.window_seconds ?? 300 };
    case 'queue_depth':
      return { type: written.type, queue: written.queue, jobs: written.jobs };
    case 'dead_letters':
      return { type: written.type, jobs: written.jobs ?? 0 };
    case 'agent_stopped':
      return { type: written.type };
  }
}

function normal(symbols: readonly string[]): string[] {
  return [...new Set(symbols.map((symbol) => normalSymbol(symbol) ?? symbol))];
}
