import { type KeyObject, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { isIP } from 'node:net';
import { algorithmsFor } from './token-algorithms.ts';

// The engine reads it when it is loaded, which is after this. Its own 4 KiB are too few for a JWT with a few claims signed by
// RSA, as soon as the request comes in more than one segment.
process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= '16384';

/** How tokens are checked; which one is configured also pins the algorithms (RFC 8725, section 3.1). */
export type TokenKey =
  | { kind: 'secret'; secret: string }
  | { kind: 'public'; key: KeyObject; algorithms: readonly string[] }
  | { kind: 'jwks'; url: URL };

export interface EdgeConfig {
  host: string;
  port: number;
  adminPort: number;
  redisUrl: string;
  redisPrefix: string;
  nodeId: string;
  tokenKey: TokenKey;
  tokenIssuer: string | null;
  tokenAudience: string | null;
  allowQueryToken: boolean;
  maxConnections: number;
  /** Client messages a second, and the size of the bucket. */
  maxMessagesPerSecond: number;
  maxSubscriptions: number;
  idleTimeoutMs: number;
  /** Frames a second and symbol. */
  marketDataMaxRate: number;
  maxMessageBytes: number;
  maxBufferedBytes: number;
  drainMs: number;
  lobbySize: number;
  maxPending: number;
  seatTtlMs: number;
  /** null: the host the client asked for, and localhost. `*` in the list: any. */
  allowedOrigins: readonly string[] | null;
  /** CIDR ranges whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
  logLevel: string;
}

/** Thrown with every problem at once, so that an operator fixes the environment in one go. */
export class ConfigError extends Error {
  static readonly code = 'config_invalid';
  readonly code = ConfigError.code;
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`The environment is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

type Parse<T> = (text: string) => T;

interface Variable<T> {
  parse: Parse<T>;
  /** What it is taken to be when it is not set; '' for nothing. */
  standard: string;
  /** The README's table says the same; a test holds it to that. */
  about: string;
}

const text: Parse<string> = (value) => value;

function integer(min: number, max: number): Parse<number> {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`);
    }
    return number;
  };
}

function seconds(min: number, max: number): Parse<number> {
  return (value) => {
    const number = Number(value);
    if (!/^\d+(\.\d+)?$/.test(value) || number < min || number > max) {
      throw new Error(`must be a number of seconds from ${min} to ${max}`);
    }
    return Math.round(number * 1000);
  };
}

function oneOf(...choices: string[]): Parse<string> {
  return (value) => {
    if (!choices.includes(value)) throw new Error(`must be one of ${choices.join(', ')}`);
    return value;
  };
}

const list: Parse<readonly string[]> = (value) =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const prefix: Parse<string> = (value) => {
  const bare = value.replace(/:$/, '');
  if (!/^[A-Za-z0-9._:-]{1,64}$/.test(bare)) throw new Error('may hold letters, digits and . _ - : only');
  return `${bare}:`;
};

const redisUrl: Parse<string> = (value) => {
  if (!/^rediss?:\/\//.test(value) || !URL.canParse(value)) throw new Error('must look like redis://HOST:6379');
  return value;
};

const cidrs: Parse<readonly string[]> = (value) => {
  const ranges = list(value);
  for (const range of ranges) {
    const [address = '', bits, ...rest] = range.split('/');
    const family = isIP(address);
    const widest = family === 6 ? 128 : 32;
    if (family === 0 || rest.length > 0 || (bits !== undefined && !(/^\d+$/.test(bits) && Number(bits) <= widest))) {
      throw new Error(`"${range}" is not an address or a range such as 10.0.0.0/8`);
    }
  }
  return ranges;
};

const origins: Parse<readonly string[]> = (value) => {
  const entries = list(value);
  for (const entry of entries) {
    if (entry !== '*' && (!URL.canParse(entry) || new URL(entry).origin !== entry)) {
      throw new Error(`"${entry}" is not an origin such as https://desk.example.com`);
    }
  }
  return entries;
};

const httpUrl: Parse<string> = (value) => {
  if (value !== '' && !(/^https?:\/\//.test(value) && URL.canParse(value))) throw new Error('must be an http(s) URL');
  return value;
};

const variable = <T>(parse: Parse<T>, standard: string, about: string): Variable<T> => ({ parse, standard, about });

/** Every variable an edge reads, with its default. */
export const VARIABLES = {
  TICKCAST_HOST: variable(text, '0.0.0.0', 'address to listen on, clients and admin port'),
  TICKCAST_PORT: variable(integer(0, 65535), '8001', 'port for clients'),
  TICKCAST_ADMIN_PORT: variable(integer(0, 65535), '9001', 'port for /livez /readyz /metrics /connz'),
  TICKCAST_REDIS_URL: variable(redisUrl, 'redis://127.0.0.1:6379', 'Redis 7.0+ or Valkey 7.2+'),
  TICKCAST_REDIS_PREFIX: variable(prefix, 'tickcast:', 'first part of every Redis name'),
  TICKCAST_NODE_ID: variable(text, `${hostname()}-${process.pid}`, 'name of this node in logs, seats and `welcome`'),
  TICKCAST_AUTH_SECRET: variable(text, '', 'HS256 secret, at least 32 bytes'),
  TICKCAST_AUTH_SECRET_FILE: variable(text, '', 'file with that secret, one newline at its end aside'),
  TICKCAST_AUTH_PUBLIC_KEY_FILE: variable(text, '', 'PEM file with an RSA, EC or Ed25519 public key'),
  TICKCAST_AUTH_JWKS_URL: variable(httpUrl, '', 'URL of a JWKS'),
  TICKCAST_AUTH_ISSUER: variable(text, '', '`iss` a token must carry'),
  TICKCAST_AUTH_AUDIENCE: variable(text, '', '`aud` a token must carry'),
  TICKCAST_AUTH_QUERY_TOKEN: variable(
    oneOf('on', 'off'),
    'off',
    'accept `?access_token=`: leaks into logs; under 1 KiB',
  ),
  TICKCAST_MAX_CONNECTIONS: variable(integer(1, 1_000_000), '1000', 'seats in the whole cluster'),
  TICKCAST_MAX_MESSAGES_PER_SECOND: variable(integer(1, 100_000), '100', 'client messages a second and seat'),
  TICKCAST_MAX_SUBSCRIPTIONS: variable(integer(1, 10_000), '50', 'subscriptions a connection'),
  TICKCAST_IDLE_TIMEOUT_SECONDS: variable(seconds(1, 86_400), '30', 'silence after which a client is closed (4408)'),
  TICKCAST_MARKET_DATA_MAX_RATE: variable(integer(1, 1000), '10', 'frames a second and symbol'),
  TICKCAST_MAX_MESSAGE_BYTES: variable(integer(256, 1 << 20), '16384', 'largest client message'),
  TICKCAST_MAX_BUFFERED_BYTES: variable(integer(4096, 1 << 30), '1048576', 'unsent bytes a client may leave behind'),
  TICKCAST_DRAIN_SECONDS: variable(seconds(0, 3600), '30', 'time over which SIGTERM spreads its closes'),
  TICKCAST_LOBBY_SIZE: variable(integer(0, 100_000), '128', 'clients waiting without a token'),
  TICKCAST_MAX_PENDING: variable(integer(1, 1_000_000), '2048', 'clients whose token or seat is being decided'),
  TICKCAST_SEAT_TTL_SECONDS: variable(seconds(3, 600), '15', 'length of a seat lease'),
  TICKCAST_ALLOWED_ORIGINS: variable(origins, '', 'comma list; empty: same host and localhost; `*`: any'),
  TICKCAST_TRUSTED_PROXIES: variable(cidrs, '', 'comma list of ranges whose X-Forwarded-For is believed'),
  TICKCAST_LOG_LEVEL: variable(
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
    'info',
    'pino log level',
  ),
} as const;

type Name = keyof typeof VARIABLES;
type Values = { [N in Name]: (typeof VARIABLES)[N] extends Variable<infer T> ? T : never };

function readValues(env: NodeJS.ProcessEnv, problems: string[]): Values {
  const values: Record<string, unknown> = {};
  for (const [name, { parse, standard }] of Object.entries(VARIABLES)) {
    const given = env[name] || standard;
    try {
      values[name] = parse(given);
    } catch (error) {
      problems.push(`${name} ${(error as Error).message}`);
    }
  }
  return values as Values;
}

function readTokenKey(values: Values, problems: string[]): TokenKey | null {
  const secret = values.TICKCAST_AUTH_SECRET;
  const secretFile = values.TICKCAST_AUTH_SECRET_FILE;
  const pemFile = values.TICKCAST_AUTH_PUBLIC_KEY_FILE;
  const jwksUrl = values.TICKCAST_AUTH_JWKS_URL;
  // One that could not be read is undefined, and already told of.
  const given = [secret, secretFile, pemFile, jwksUrl].filter((value) => value !== '');
  if (given.length !== 1) {
    problems.push(
      'set exactly one of TICKCAST_AUTH_SECRET, TICKCAST_AUTH_SECRET_FILE, TICKCAST_AUTH_PUBLIC_KEY_FILE, TICKCAST_AUTH_JWKS_URL: without a key no token can be checked',
    );
    return null;
  }
  if (secret) return secretKey('TICKCAST_AUTH_SECRET', secret, problems);
  if (secretFile) return readSecretFile(secretFile, problems);
  if (given.includes(undefined as never)) return null;
  if (jwksUrl) return { kind: 'jwks', url: new URL(jwksUrl) };
  try {
    const key = createPublicKey(readFileSync(pemFile, 'utf8'));
    return { kind: 'public', key, algorithms: algorithmsFor(key) };
  } catch (error) {
    problems.push(`TICKCAST_AUTH_PUBLIC_KEY_FILE is no PEM file with a public key: ${(error as Error).message}`);
    return null;
  }
}

function readSecretFile(path: string, problems: string[]): TokenKey | null {
  try {
    // Whatever wrote the file, an editor or a shell, ended its line; no secret is meant to hold that newline.
    return secretKey('TICKCAST_AUTH_SECRET_FILE', readFileSync(path, 'utf8').replace(/\r?\n$/, ''), problems);
  } catch (error) {
    problems.push(`TICKCAST_AUTH_SECRET_FILE can't be read: ${(error as Error).message}`);
    return null;
  }
}

function secretKey(name: string, secret: string, problems: string[]): TokenKey {
  // RFC 7518, section 3.2: an HS256 key has at least the 256 bits of its hash.
  if (Buffer.byteLength(secret) < 32) problems.push(`${name} must have at least 32 bytes`);
  return { kind: 'secret', secret };
}

/**
 * Reads an edge's configuration from the environment.
 * @throws ConfigError naming every bad variable at once.
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): EdgeConfig {
  const problems: string[] = [];
  const values = readValues(env, problems);
  const tokenKey = readTokenKey(values, problems);
  if (problems.length > 0 || tokenKey === null) throw new ConfigError(problems);
  return {
    host: values.TICKCAST_HOST,
    port: values.TICKCAST_PORT,
    adminPort: values.TICKCAST_ADMIN_PORT,
    redisUrl: values.TICKCAST_REDIS_URL,
    redisPrefix: values.TICKCAST_REDIS_PREFIX,
    nodeId: values.TICKCAST_NODE_ID,
    tokenKey,
    tokenIssuer: values.TICKCAST_AUTH_ISSUER || null,
    tokenAudience: values.TICKCAST_AUTH_AUDIENCE || null,
    allowQueryToken: values.TICKCAST_AUTH_QUERY_TOKEN === 'on',
    maxConnections: values.TICKCAST_MAX_CONNECTIONS,
    maxMessagesPerSecond: values.TICKCAST_MAX_MESSAGES_PER_SECOND,
    maxSubscriptions: values.TICKCAST_MAX_SUBSCRIPTIONS,
    idleTimeoutMs: values.TICKCAST_IDLE_TIMEOUT_SECONDS,
    marketDataMaxRate: values.TICKCAST_MARKET_DATA_MAX_RATE,
    maxMessageBytes: values.TICKCAST_MAX_MESSAGE_BYTES,
    maxBufferedBytes: values.TICKCAST_MAX_BUFFERED_BYTES,
    drainMs: values.TICKCAST_DRAIN_SECONDS,
    lobbySize: values.TICKCAST_LOBBY_SIZE,
    maxPending: values.TICKCAST_MAX_PENDING,
    seatTtlMs: values.TICKCAST_SEAT_TTL_SECONDS,
    allowedOrigins: values.TICKCAST_ALLOWED_ORIGINS.length > 0 ? values.TICKCAST_ALLOWED_ORIGINS : null,
    trustedProxies: values.TICKCAST_TRUSTED_PROXIES,
    logLevel: values.TICKCAST_LOG_LEVEL,
  };
}
