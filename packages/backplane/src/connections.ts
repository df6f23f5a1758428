import { type Command, Redis, type RedisOptions } from 'ioredis';
import { keepAlive } from './heartbeat.ts';
import { type MessageConnectorOptions, createMessageConnector } from './message-connector.ts';

/** A connection for commands. Reports its state by ioredis's events, `ready` and `close`, and by `status`. */
export type Commands = Redis;

const COMMAND_TIMEOUT_MS = 800;
const MOST_GATHERED = 16;

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
 * Gathers the commands of a turn, and gives a command up after a time without an answer. Unlike ioredis's `commandTimeout`, it
 * counts from when the command left, and reads what has come before it judges: in a process that was busy the answer often waits in
 * the socket.
 */
class CommandsInTime extends Redis {
  readonly #timeoutMs: number;
  #gathered = 0;

  constructor(url: string, timeoutMs: number) {
    super(url, shared);
    this.#timeoutMs = timeoutMs;
  }

  override sendCommand(command: Command, stream?: Parameters<Redis['sendCommand']>[1]): unknown {
    this.#gather();
    const answer = super.sendCommand(command, stream);
    let sentAt = Number.POSITIVE_INFINITY;
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      const remainingMs = sentAt + this.#timeoutMs - performance.now();
      // A timer begins when its turn of the loop did, so after a long turn it is early.
      if (remainingMs > 0) timer = setTimeout(wait, remainingMs);
      // Timers come before sockets in a turn of the loop, immediates after them.
      else setImmediate(() => command.reject(new Error('Command timed out')));
    };
    // Gathered, it leaves at the end of this turn.
    const leaving = setImmediate(() => {
      sentAt = performance.now();
      wait();
    });
    const stop = (): void => {
      clearImmediate(leaving);
      clearTimeout(timer);
    };
    command.promise.then(stop, stop);
    return answer;
  }

  /**
   * Commands of one turn of the loop leave in few writes: a thousand clients that connect at once ask for a seat each. Not all in
   * one: in a busy turn Redis would have nothing to do until its end.
   */
  #gather(): void {
    const socket = this.stream as Redis['stream'] | undefined;
    if (!socket) return;
    this.#gathered += 1;
    if (socket.writableCorked === 0) {
      this.#gathered = 1;
      socket.cork();
      setImmediate(() => socket.uncork());
    } else if (this.#gathered % MOST_GATHERED === 0) {
      socket.uncork();
      socket.cork();
    }
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
 * effect. Its heartbeat ends what hangs. Messages go to `onMessage`, not to the client's listeners.
 */
export function connectSubscriber(url: string, options: MessageConnectorOptions): Redis {
  return supervised(new Redis(url, { ...shared, Connector: createMessageConnector(options) }));
}
