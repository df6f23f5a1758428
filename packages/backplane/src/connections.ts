import { Redis, type RedisOptions } from 'ioredis';
import { keepAlive } from './heartbeat.ts';

/** A connection for commands. Reports its state by ioredis's events, `ready` and `close`, and by `status`. */
export type Commands = Redis;

const COMMAND_TIMEOUT_MS = 800;

/** Everybody reconnects at once after an outage; the jitter spreads it, the bound keeps it within a second. */
function reconnectDelay(attempt: number): number {
  return Math.min(1000, 50 * 2 ** Math.min(attempt, 5)) * (0.5 + Math.random() / 2);
}

const shared = {
  // RESP3 would deliver pushes on the commands connection too; nothing here needs it.
  protocol: 2 as const,
  retryStrategy: reconnectDelay,
  connectTimeout: 2000,
  // A Redis that is away does not say goodbye; the process should not wait for it longer than this to end.
  disconnectTimeout: 200,
  enableOfflineQueue: false,
  // What was under way when a connection broke may have run: sending it again is for the caller to decide.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  autoResubscribe: false,
  // Redis 7.0 answers CLIENT SETINFO with an error.
  disableClientInfo: true,
} satisfies RedisOptions;

function connect(url: string, options: { commandTimeout?: number }): Redis {
  const redis = new Redis(url, { ...shared, ...options });
  // Failures reach callers as rejected commands, and the state as events; without a listener ioredis would print each.
  redis.on('error', () => undefined);
  keepAlive(redis);
  return redis;
}

/**
 * Opens the connection for commands: it reconnects for ever, and a command fails at once while it is away, or after
 * `timeoutMs` without an answer (it may have run all the same). Ended by `disconnect()`.
 */
export function connectCommands(
  url: string,
  { timeoutMs = COMMAND_TIMEOUT_MS }: { timeoutMs?: number } = {},
): Commands {
  return connect(url, { commandTimeout: timeoutMs });
}

/**
 * Opens the connection for subscriptions. It has no time-out a command: a SUBSCRIBE that was given up could still take
 * effect. Its heartbeat ends what hangs.
 */
export function connectSubscriber(url: string): Redis {
  return connect(url, {});
}
