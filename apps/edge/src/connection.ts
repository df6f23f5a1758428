import {
  CLOSES,
  type CloseCode,
  type ErrorCode,
  type ErrorFrameOptions,
  type Lang,
  errorFrame,
} from '@tickcast/protocol';
import type { Budget } from './budget.ts';
import { ErrorThrottle } from './error-throttle.ts';
import type { Metrics } from './metrics.ts';
import type { Socket } from './socket.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Hub } from './hub.ts';
import type { Identity } from './tokens.ts';

/**
 * lobby: no token yet · checking: its token is being verified · seating: its seat is being taken · seated · ended.
 * Messages are handled only once seated; before, they wait.
 */
export type Phase = 'lobby' | 'checking' | 'seating' | 'seated' | 'ended';

/** A seat this connection holds. */
export interface HeldSeat {
  id: string;
  gen: number;
}

export type ErrorOptions = Pick<ErrorFrameOptions, 'id' | 'retryAfterMs' | 'reason' | 'params'>;

interface ConnectionParts {
  socket: Socket;
  lang: Lang;
  hub: Hub;
  metrics: Metrics;
  /** The connections' clock, ms. */
  now: () => number;
  /** What may wait in the socket. */
  maxBufferedBytes: number;
}

/** A client with this part of its buffer full is behind: what may be merged is kept from it. */
const BEHIND_AT = 1 / 2;
const MAX_PAGE_BYTES = 64 * 1024;
/** It has caught up when no more than this is left. */
const CAUGHT_UP_AT = 1 / 8;

/** One client's socket with everything this node knows of it. */
export class Connection {
  readonly socket: Socket;
  readonly lang: Lang;
  readonly subscriptions: Subscriptions;
  readonly openedAt: number;
  phase: Phase = 'lobby';
  /** Whether the client has asked for more than the seed's frames, by an `id` or by `hello`. */
  optedIn = false;
  identity: Identity | null = null;
  seat: HeldSeat | null = null;
  budget: Budget | null = null;
  /** Milliseconds that were missing from the seat's budget when it was taken. */
  seatDeficitMs = 0;
  /** Raw messages that came before the seat. */
  waiting: Buffer[] = [];
  waitingBytes = 0;
  /** Anything at all from the peer, pongs included. */
  heardAt: number;
  /** A message or ping from the client, or a push sent to it alone. */
  activeAt: number;
  pingedAt: number;
  expiryAnnounced = false;
  /** Settles when every new token that came so far has been checked. */
  renewals: Promise<unknown> = Promise.resolve();
  renewalsWaiting = 0;
  /** The code this node closed with, once it has. */
  closeCode: CloseCode | null = null;
  readonly #errors = new ErrorThrottle();
  readonly #metrics: Metrics;
  readonly #now: () => number;
  readonly #maxBufferedBytes: number;
  /** Bytes from which on it is too slow for what can't wait. */
  #fullAt: number;

  constructor(parts: ConnectionParts) {
    this.socket = parts.socket;
    this.lang = parts.lang;
    this.#metrics = parts.metrics;
    this.#now = parts.now;
    this.#maxBufferedBytes = parts.maxBufferedBytes;
    this.#fullAt = parts.maxBufferedBytes;
    this.subscriptions = new Subscriptions(this, parts.hub);
    const now = parts.now();
    this.openedAt = now;
    this.heardAt = now;
    this.activeAt = now;
    this.pingedAt = now;
  }

  get ended(): boolean {
    return this.phase === 'ended';
  }

  /** Whether it reads so slowly that quotes should wait until they are of use. */
  get isBehind(): boolean {
    return this.socket.bufferedBytes() > this.#maxBufferedBytes * BEHIND_AT;
  }

  /** Whether it has read nearly all that was sent to it. */
  get hasCaughtUp(): boolean {
    return this.socket.bufferedBytes() <= this.#maxBufferedBytes * CAUGHT_UP_AT;
  }

  /** Whether nothing more can be left waiting for it. */
  get isBufferFull(): boolean {
    return this.socket.bufferedBytes() > this.#fullAt;
  }

  /** Bytes of old events that may be sent in one go. */
  get pageBytes(): number {
    return Math.min(MAX_PAGE_BYTES, Math.floor(this.#maxBufferedBytes * BEHIND_AT));
  }

  /**
   * It is too slow for now, and gets what it can take. Quotes of one turn may have filled its buffer over the bound before
   * they could be kept from it: what can't wait must not pay for that.
   */
  paused(): void {
    this.#metrics.paused();
    this.#fullAt = Math.max(this.#fullAt, this.socket.bufferedBytes() + this.#maxBufferedBytes * BEHIND_AT);
  }

  /** It has caught up. */
  resumed(): void {
    this.#fullAt = this.#maxBufferedBytes;
  }

  /** Sends a reply or notice. */
  reply(frame: object): void {
    this.#send(JSON.stringify(frame));
  }

  /** Sends a push to this client alone. */
  push(frame: Uint8Array): void {
    this.activeAt = this.#now();
    this.#send(frame);
  }

  /** What is sent to one client alone can't be merged with anything. */
  #send(frame: string | Uint8Array): void {
    if (this.isBufferFull && !this.subscriptions.asides.isPaused) this.subscriptions.pause();
    if (this.isBufferFull) this.fail('slow_consumer', 4410);
    else this.socket.send(frame);
  }

  /** Sends an error, unless ten were sent this second; the next one tells how many were kept back. */
  error(code: ErrorCode, options: ErrorOptions = {}): void {
    const dropped = this.#errors.admit(this.#now());
    if (dropped === null) return;
    this.#metrics.error(code);
    this.#send(errorFrame(code, { lang: this.lang, ...options, ...(dropped > 0 ? { dropped } : {}) }));
  }

  /** Whether an error sent now would reach the client; lets a flood be refused without looking at its messages. */
  get canError(): boolean {
    return this.#errors.hasRoom(this.#now());
  }

  close(code: CloseCode): void {
    if (this.ended || this.closeCode !== null) return;
    this.closeCode = code;
    this.socket.end(code, CLOSES[code].reason);
  }

  /** An error and the close that goes with it. The error is sent even over the limit: it is the last. */
  fail(error: ErrorCode, code: CloseCode, options: ErrorOptions = {}): void {
    if (this.ended || this.closeCode !== null) return;
    this.#metrics.error(error);
    const dropped = this.#errors.takeDropped();
    this.socket.send(errorFrame(error, { lang: this.lang, ...options, ...(dropped > 0 ? { dropped } : {}) }));
    this.close(code);
  }
}
