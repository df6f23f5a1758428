import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const LOAD_NAMES = [
  'quiet',
  'steady',
  'heavy',
  'hot',
  'burst',
  'connect',
  'memory',
  'streams',
  'edges',
  'peers',
] as const;

export type LoadName = (typeof LOAD_NAMES)[number];

export interface BenchConfig {
  loads: readonly LoadName[];
  /** Few clients, 2 s, once: shows that it works, and no more. */
  short: boolean;
  repeats: number;
  /** Of each measured window. */
  seconds: number;
  /** Once, our edge alone, with a CPU profile of it. */
  profile: boolean;
  /** Where the results are written: an absolute path. */
  out: string;
}

const USAGE = `npm run bench -- [LOAD ...] [--short] [--repeat 3] [--seconds 10] [--profile] [--out .tickcast/bench]
LOAD is one of: ${LOAD_NAMES.join(' ')}; without one, all are run. --profile wants one, and not memory.`;

const MOST = 3600;

/** Thrown for a command line that can't be run; the message says how to write it. */
export class UsageError extends Error {
  static readonly code = 'usage';
  readonly code = UsageError.code;
  constructor(problem: string) {
    super(`${problem}\n${USAGE}`);
  }
}

/** @throws UsageError */
export function readConfig(args: readonly string[]): BenchConfig {
  const { values, positionals } = parse(args);
  const unknown = positionals.filter((name) => !isLoad(name));
  if (unknown.length > 0) throw new UsageError(`There is no load ${unknown.join(', ')}.`);
  const { short, profile } = values;
  if (profile && positionals.length === 0) throw new UsageError('--profile needs to know which LOAD.');
  if (profile && positionals.includes('memory')) throw new UsageError('--profile is of CPU, memory is not.');
  return {
    loads: positionals.length > 0 ? LOAD_NAMES.filter((name) => positionals.includes(name)) : LOAD_NAMES,
    short,
    profile,
    repeats: profile ? 1 : whole('repeat', values.repeat ?? (short ? '1' : '3')),
    seconds: whole('seconds', values.seconds ?? (short ? '2' : '10')),
    out: resolve(values.out),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        short: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        repeat: { type: 'string' },
        seconds: { type: 'string' },
        out: { type: 'string', default: '.tickcast/bench' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function isLoad(name: string): name is LoadName {
  return (LOAD_NAMES as readonly string[]).includes(name);
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > MOST) {
    throw new UsageError(`--${name} must be a whole number from 1 to ${MOST}, not "${text}".`);
  }
  return value;
}
