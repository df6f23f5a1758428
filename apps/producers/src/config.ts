import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';

export const ROLES = ['market', 'backtests', 'alerts'] as const;
export type RoleName = (typeof ROLES)[number];

export interface ProducersConfig {
  redisUrl: string;
  redisPrefix: string;
  agentId: string;
  roles: ReadonlySet<RoleName>;
  /** The words that name a feed and its options. */
  feed: readonly string[];
  dataDirectory: string;
  backtestConcurrency: number;
  /** 0: never. */
  sampleBacktestSeconds: number;
  alertRulesFile: string;
  /** Seats of the cluster, as the edges have it. */
  maxConnections: number;
  host: string;
  /** null: 9003, or a free one where that is taken. */
  adminPort: number | null;
  queueBoard: 'view' | 'manage' | 'off';
  logLevel: string;
}

/** Thrown with every problem at once, so that an operator fixes the environment in one go. */
export class ConfigError extends Error {
  readonly code = 'config_invalid';
  constructor(problems: readonly string[]) {
    super(`The environment is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

interface Variable<T> {
  parse: (text: string) => T;
  /** What it is taken to be when it is not set; '' for nothing. */
  standard: string;
  /** The README's table says the same; a test holds it to that. */
  about: string;
}

const variable = <T>(parse: Variable<T>['parse'], standard: string, about: string): Variable<T> => ({
  parse,
  standard,
  about,
});

const text = (value: string): string => value;

function integer(min: number, max: number): (value: string) => number {
  return (value) => {
    if (!/^\d+$/.test(value) || Number(value) < min || Number(value) > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`);
    }
    return Number(value);
  };
}

function oneOf<Choice extends string>(...choices: readonly Choice[]): (value: string) => Choice {
  return (value) => {
    const choice = choices.find((one) => one === value);
    if (choice === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
    return choice;
  };
}

function redisUrl(value: string): string {
  if (!/^rediss?:\/\//.test(value) || !URL.canParse(value)) throw new Error('must look like redis://HOST:6379');
  return value;
}

function prefix(value: string): string {
  const bare = value.replace(/:$/, '');
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(bare)) throw new Error('may hold letters, digits and . _ - : only');
  return `${bare}:`;
}

function directory(value: string): string {
  if (!existsSync(value)) throw new Error('is no folder that exists');
  return value;
}

function agentId(value: string): string {
  if (!/^[A-Za-z0-9.^=_-]{1,64}$/.test(value)) throw new Error('must be 1 to 64 letters, digits and . ^ = _ -');
  if (value === 'coordinator') throw new Error('must not be coordinator: that one is elected');
  return value;
}

function roles(value: string): ReadonlySet<RoleName> {
  const names = value.split(',').map((name) => name.trim());
  return new Set(names.filter((name) => name !== '').map(oneOf(...ROLES)));
}

const words = (value: string): string[] => value.split(/\s+/).filter((word) => word !== '');
const shipped = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const ownId = `worker-${hostname()
  .replaceAll(/[^A-Za-z0-9.-]/g, '-')
  .slice(0, 40)}-${process.pid}`;

/** Every variable a worker reads, with its default. */
export const VARIABLES = {
  TICKCAST_REDIS_URL: variable(redisUrl, 'redis://127.0.0.1:6379', 'Redis 7.0+ or Valkey 7.2+'),
  TICKCAST_REDIS_PREFIX: variable(prefix, 'tickcast:', 'first part of every Redis name'),
  TICKCAST_AGENT_ID: variable(agentId, ownId, 'name of this worker in `agent_status`'),
  TICKCAST_ROLES: variable(roles, ROLES.join(','), 'what this worker does; it is an agent whatever it does'),
  TICKCAST_FEED: variable(words, 'simulate', 'the market feed, as on the command line'),
  TICKCAST_DATA_DIR: variable(directory, shipped('samples'), 'folder of the files that backtests may read'),
  TICKCAST_BACKTEST_CONCURRENCY: variable(integer(1, 64), '1', 'backtests at a time in one worker'),
  TICKCAST_SAMPLE_BACKTEST_SECONDS: variable(integer(0, 86_400), '0', 'run the sample backtest so often; 0: never'),
  TICKCAST_ALERT_RULES: variable(text, shipped('rules/default-rules.json'), 'file of the alert rules'),
  TICKCAST_MAX_CONNECTIONS: variable(integer(1, 1_000_000), '1000', 'seats in the whole cluster, as the edges have it'),
  TICKCAST_HOST: variable(text, '0.0.0.0', 'address of the admin port'),
  TICKCAST_PRODUCERS_ADMIN_PORT: variable(integer(0, 65_535), '', 'port for /livez /readyz /metrics /queues'),
  TICKCAST_QUEUE_BOARD: variable(oneOf('view', 'manage', 'off'), 'view', 'what /queues lets one do'),
  TICKCAST_LOG_LEVEL: variable(
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'info',
    'pino log level',
  ),
} as const;

type Name = keyof typeof VARIABLES;
type Values = { [N in Name]: (typeof VARIABLES)[N] extends Variable<infer T> ? T : never };

/**
 * Reads a worker's configuration from the environment.
 *
 * @param feedWords of the command line; they win over TICKCAST_FEED
 * @throws ConfigError naming every bad variable at once
 */
export function readConfig(feedWords: readonly string[], env: NodeJS.ProcessEnv = process.env): ProducersConfig {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { parse, standard }] of Object.entries(VARIABLES)) {
    const given = env[name] || standard;
    try {
      values[name] = given === '' ? null : parse(given);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const read = values as Values;
  return {
    redisUrl: read.TICKCAST_REDIS_URL,
    redisPrefix: read.TICKCAST_REDIS_PREFIX,
    agentId: read.TICKCAST_AGENT_ID,
    roles: read.TICKCAST_ROLES,
    feed: feedWords.length > 0 ? feedWords : read.TICKCAST_FEED,
    dataDirectory: read.TICKCAST_DATA_DIR,
    backtestConcurrency: read.TICKCAST_BACKTEST_CONCURRENCY,
    sampleBacktestSeconds: read.TICKCAST_SAMPLE_BACKTEST_SECONDS,
    alertRulesFile: read.TICKCAST_ALERT_RULES,
    maxConnections: read.TICKCAST_MAX_CONNECTIONS,
    host: read.TICKCAST_HOST,
    adminPort: read.TICKCAST_PRODUCERS_ADMIN_PORT,
    queueBoard: read.TICKCAST_QUEUE_BOARD,
    logLevel: read.TICKCAST_LOG_LEVEL,
  };
}
