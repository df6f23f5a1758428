import { type MessageId, parseClientMessage } from '@tickcast/protocol';
import { BACKPLANE_RETRY_MS, fullRetryMs, withId } from './answers.ts';
import { Budget } from './budget.ts';
import type { Connection } from './connection.ts';
import { readSeatId } from './handshake.ts';
import type { Log } from './log.ts';
import type { SeatKeeper } from './seat-keeper.ts';
import type { TimerWheel } from './timer-wheel.ts';
import { type CheckToken, KeysUnavailableError } from './tokens.ts';

/** SPEC 1: time a client in the lobby has for its `auth`. */
const LOBBY_MS = 10_000;
/** SPEC 1: what may wait for a seat. */
const WAITING_PER_CONNECTION = 32 * 1024;
const WAITING_PER_NODE = 16 * 1024 * 1024;
/** What a message counts at least: memory is used up by empty ones too. */
const WAITING_MESSAGE_MIN = 32;

/** What a client shows at the door. */
interface Credentials {
  token: string;
  seat: string | null;
  /** Of its `auth` message, for whatever the answer will be. */
  id?: MessageId | undefined;
}

interface DoorParts {
  checkToken: CheckToken;
  seatKeeper: SeatKeeper;
  wheel: TimerWheel<Connection>;
  limits: { lobbySize: number; maxPending: number; maxMessagesPerSecond: number; maxConnections: number };
  isRedisUp: () => boolean;
  isDraining: () => boolean;
  /** Handles a message of a seated client. */
  handle: (connection: Connection, message: Buffer) => void;
  log: Log;
}

/** The way in: from the handshake, with or without a token, to a seat. */
export class Door {
  readonly #parts: DoorParts;
  readonly #lobby = new Set<Connection>();
  readonly #pending = new Set<Connection>();
  #waitingBytes = 0;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  get isLobbyFull(): boolean {
    return this.#lobby.size >= this.#parts.limits.lobbySize;
  }

  get isPendingFull(): boolean {
    return this.#pending.size >= this.#parts.limits.maxPending;
  }

  /** A socket was opened. */
  enter(connection: Connection, token: string | null, seat: string | null): void {
    if (token === null) {
      this.#lobby.add(connection);
      this.#parts.wheel.schedule(connection, LOBBY_MS);
    } else {
      void this.#admit(connection, { token, seat });
    }
  }

  /** A message of a client that has no seat yet. In the lobby only `auth` is heard; all others wait their turn. */
  message(connection: Connection, message: Buffer): void {
    if (connection.phase === 'lobby') this.#lobbyMessage(connection, message);
    else this.#wait(connection, message);
  }

  /** Milliseconds a client in the lobby still has for its `auth`; not above 0 once it has let them pass. */
  lobbyTimeLeftMs({ openedAt }: Connection, now: number): number {
    return openedAt + LOBBY_MS - now;
  }

  /** The connection is seated or gone. */
  leave(connection: Connection): void {
    this.#lobby.delete(connection);
    this.#pending.delete(connection);
    this.#waitingBytes -= connection.waitingBytes;
    connection.waitingBytes = 0;
    connection.waiting = [];
  }

  #lobbyMessage(connection: Connection, bytes: Buffer): void {
    const parsed = parseClientMessage(bytes);
    if (!parsed.ok || parsed.message.type !== 'auth') {
      const id = parsed.ok ? parsed.message.id : parsed.id;
      connection.fail('authentication_failed', 4401, withId(id));
      return;
    }
    const { id, token, seat } = parsed.message;
    if (id !== undefined) connection.optedIn = true;
    if (this.isPendingFull) {
      connection.fail('connection_limit_exceeded', 1013, {
        ...withId(id),
        retryAfterMs: fullRetryMs(),
        reason: 'too_many_at_the_door',
      });
      return;
    }
    this.#lobby.delete(connection);
    void this.#admit(connection, { token, seat: readSeatId(seat), id });
  }

  #wait(connection: Connection, message: Buffer): void {
    const size = Math.max(message.length, WAITING_MESSAGE_MIN);
    const tooMuch =
      connection.waitingBytes + size > WAITING_PER_CONNECTION || this.#waitingBytes + size > WAITING_PER_NODE;
    if (tooMuch) {
      connection.fail('rate_limited', 4429, { reason: 'sent_too_early' });
      return;
    }
    // A copy: the engine takes its buffer back.
    connection.waiting.push(Buffer.from(message));
    connection.waitingBytes += size;
    this.#waitingBytes += size;
  }

  async #admit(connection: Connection, { token, seat, id }: Credentials): Promise<void> {
    this.#pending.add(connection);
    connection.phase = 'checking';
    try {
      connection.identity = await this.#parts.checkToken(token);
    } catch (error) {
      const { remoteAddress } = connection.socket;
      this.#parts.log.warnSparsely({ remote: remoteAddress, reason: (error as Error).message }, 'refused a token');
      if (error instanceof KeysUnavailableError) {
        connection.fail('backplane_unavailable', 1013, { ...withId(id), retryAfterMs: BACKPLANE_RETRY_MS });
      } else connection.fail('authentication_failed', 4401, withId(id));
      return;
    }
    if (connection.ended) return;
    connection.phase = 'seating';
    if (await this.#seat(connection, seat, id)) this.#open(connection, id);
  }

  /** Takes a seat, waiting while the registry admits nobody new; false when the connection ended without one. */
  async #seat(connection: Connection, wanted: string | null, id: MessageId | undefined): Promise<boolean> {
    const { seatKeeper, isRedisUp, isDraining, limits, log } = this.#parts;
    while (!connection.ended) {
      if (isDraining()) {
        connection.fail('draining', 1012, withId(id));
        return false;
      }
      try {
        if (!isRedisUp()) throw new Error('Redis is out of reach');
        const outcome = await seatKeeper.take(connection, wanted);
        if (outcome === 'seated') return !connection.ended;
        if ('full' in outcome) {
          const params = { limit: limits.maxConnections };
          connection.fail('connection_limit_exceeded', 1013, {
            ...withId(id),
            retryAfterMs: fullRetryMs(),
            params,
          });
          return false;
        }
        await new Promise((resolve) => setTimeout(resolve, outcome.holdMs));
      } catch (error) {
        log.warnSparsely({ reason: (error as Error).message }, 'no seat could be taken');
        connection.fail('backplane_unavailable', 1013, { ...withId(id), retryAfterMs: BACKPLANE_RETRY_MS });
        return false;
      }
    }
    return false;
  }

  #open(connection: Connection, id: MessageId | undefined): void {
    const { wheel, limits, handle } = this.#parts;
    const { waiting } = connection;
    this.leave(connection);
    connection.phase = 'seated';
    connection.activeAt = wheel.now();
    connection.budget = new Budget(limits.maxMessagesPerSecond, connection.seatDeficitMs, wheel.now());
    wheel.schedule(connection, 1000);
    if (id !== undefined) {
      connection.reply({ type: 'authenticated', id, expires_at: connection.identity?.expiresAt });
    }
    for (const message of waiting) {
      if (connection.ended) return;
      handle(connection, message);
    }
  }
}
