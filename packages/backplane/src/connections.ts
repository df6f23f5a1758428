import { type Command, Redis, type RedisOptions } from 'ioredis';
import { keepAlive } from './heartbeat.ts';

/** A connection for commands. Reports its state by ioredis's events, `ready` and `close`, and by `status`. */
export type Commands = Redis;

const COMMAND_TIMEOUT_MS = 800;

/** Everybody reconnects at once after an outage; the jitter spreads it, the bound keeps it within a second. */
export function reconnectDelay(attempt: number): number {
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

/**
 * Gives a command up after a time without an answer. Unlike ioredis's `commandTimeout`, it reads what has come before it
 * judges: in a process that was busy the answer often waits in the socket.
 */
class CommandsInTime extends Redis {
  readonly #timeoutMs: number;

  constructor(url: string, timeoutMs: number) {
    super(url, shared);
    this.#timeoutMs = timeoutMs;
  }

  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    const answer = super.sendCommand(command, stream);
    // Timers come before sockets in a turn of the loop, immediates after them.
    const giveUp = () => void setImmediate(() => command.reject(new Error('Command timed out')));
    const timer = setTimeout(giveUp, this.#timeoutMs);
    const stop = () => clearTimeout(timer);
    command.promise.then(stop, stop);
    return answer;
  }
}

function supervised<Connection extends Redis>(redis: Connection): Connection {
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
  return supervised(new CommandsInTime(url, timeoutMs));
}

/**
 * Opens the connection for subscriptions. It has no time-out a command: a SUBSCRIBE that was given up could still take
 * effect. Its heartbeat ends what hangs.
 */
export function connectSubscriber(url: string): Redis {
  return supervised(new Redis(url, shared));
}
