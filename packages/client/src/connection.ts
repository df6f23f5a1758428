import type { ServerClock } from './clock.ts';
import { TickcastError } from './errors.ts';
import { type ServerFrame, readFrame } from './frames.ts';
import { CLOSE_ACTIONS, type CloseAction, type ErrorFrame, type Welcome } from './generated/protocol.ts';
import { type Heartbeat, startHeartbeat } from './heartbeat.ts';
import type { OpenSocket, WebSocketLike } from './socket.ts';
import { type Timer, after } from './timer.ts';

/** Time for the handshake of a close, ms. */
const GOODBYE_MS = 1000;
/** Tells the server nothing (it can't tell 3000 from a broken connection), so the seat is kept. */
const BROKEN_OFF = 3000;
/** Errors over ten a second are held back for so long. */
const TOLD_WITHIN_MS = 1000;
/** Messages over the rate limit go again at half of it. */
const PACE = 1 / 2;

const OWN_CODES: Readonly<Record<number, TickcastError['code']>> = {
  1003: 'protocol_violated',
  1009: 'protocol_violated',
  4401: 'authentication_failed',
  4409: 'seat_taken_over',
};

/** How a connection ended, or came to none. */
export interface Ending {
  error: TickcastError;
  action: CloseAction;
}

type OnReply = (reply: ServerFrame) => void;

interface Request {
  message: object;
  onReply: OnReply;
  /** A peer that does not answer it is dead. */
  isVital: boolean;
}

interface ConnectionParts {
  url: string;
  token: string;
  open: OpenSocket;
  pingIntervalMs: number;
  clock: ServerClock;
  welcomed(welcome: Welcome): void;
  /** Whatever is no reply to a request. */
  received(frame: ServerFrame, raw: string): void;
  invalid(error: TickcastError): void;
  silent(isSilent: boolean): void;
  /** Called once, and nothing after it; not when it was closed from this side. */
  ended(ending: Ending): void;
}

/** The life of one WebSocket: it says hello, pings, matches replies to requests, and ends once. */
export interface Connection {
  /** Sends a message of the application's own; where nothing can be sent it is dropped. */
  send(message: object): void;
  /**
   * Asks, again as long as the rate limit is in the way, and calls back with the reply in the turn in which it came: what
   * follows it is handled after that.
   */
  request(message: object, onReply?: OnReply): void;
  /** Takes the peer for dead. */
  breakOff(): void;
  /** Leaves with a close frame: the seat is free at once. Resolves when the WebSocket is closed, or will not be any more. */
  close(): Promise<void>;
}

export function openConnection(parts: ConnectionParts): Connection {
  const { clock, pingIntervalMs, received, ended } = parts;
  const requests = new Map<string, Request>();
  /** Of the requests that are to go again. */
  const again = new Set<string>();
  let socket: WebSocketLike | undefined;
  let heartbeat: Heartbeat | undefined;
  let pump: Timer | undefined;
  let count = 0;
  let paceMs = 0;
  let isOpen = false;
  let isOver = false;
  /** Says why the connection ended, when it is the last frame before the end. */
  let lastError: ErrorFrame | undefined;
  let closed: () => void = () => undefined;

  const send = (message: object) => {
    if (isOpen) socket?.send(JSON.stringify(message));
  };
  const transmit = (id: string) => {
    const request = requests.get(id);
    if (!request) return;
    if (request.isVital) heartbeat?.asked(id);
    send({ ...request.message, id });
  };
  const ask = (message: object, onReply: OnReply, isVital = false) => {
    const id = `tickcast-${++count}`;
    requests.set(id, { message, onReply, isVital });
    // What is asked later must not overtake: an old `unsubscribe` would end what was subscribed anew.
    if (isVital && again.size > 0) again.add(id);
    else transmit(id);
  };

  const askAgain = (afterMs: number) => {
    clearTimeout(pump);
    pump = after(afterMs, () => {
      // Some of these too may have been dropped without a word: a second later that would be told.
      if (again.size === 0) for (const id of requests.keys()) again.add(id);
      for (const id of again) {
        again.delete(id);
        transmit(id);
        askAgain(again.size > 0 ? paceMs : TOLD_WITHIN_MS);
        return;
      }
    });
  };

  const stop = () => {
    isOver = true;
    isOpen = false;
    clearTimeout(pump);
    heartbeat?.stop();
  };
  const end = (error: TickcastError, action: CloseAction) => {
    if (isOver) return;
    stop();
    ended({ error, action });
  };
  const cut = () => {
    if (socket?.terminate) socket.terminate();
    else socket?.close(BROKEN_OFF);
  };
  const breakOff = () => {
    end(new TickcastError('no_answer', 'No answer.'), 'backoff');
    cut();
  };

  const ping = () => {
    const askedAt = Date.now();
    ask({ type: 'ping', timestamp: askedAt / 1000 }, (reply) => {
      if (reply.type === 'pong') clock.learn(askedAt, reply.server_time);
    });
  };
  const hello = () => {
    const askedAt = Date.now();
    ask({ type: 'hello' }, (welcome) => {
      if (welcome.type !== 'welcome') return;
      clock.renew();
      clock.learn(askedAt, welcome.server_time);
      paceMs = 1000 / (welcome.limits.messages_per_second * PACE);
      heartbeat = startHeartbeat({ intervalMs: pingIntervalMs, ping, silent: parts.silent, dead: breakOff });
      parts.welcomed(welcome);
    });
  };

  const take = (frame: ServerFrame, raw: string) => {
    const id = 'id' in frame ? String(frame.id) : '';
    const request = requests.get(id);
    lastError = frame.type === 'error' && !request ? frame : undefined;
    if (!request) received(frame, raw);
    else if (frame.type === 'error' && frame.error === 'rate_limited') {
      // Whatever has no reply yet may have been dropped like this one.
      again.clear();
      for (const waiting of requests.keys()) {
        again.add(waiting);
        heartbeat?.answered(waiting);
      }
      // Not before all that came too early has been told.
      askAgain(frame.retry_after_ms ?? 0);
    } else {
      requests.delete(id);
      heartbeat?.answered(id);
      request.onReply(frame);
    }
  };
  const onText = (data: unknown) => {
    if (isOver) return;
    heartbeat?.heard();
    try {
      take(readFrame(data), data as string);
    } catch (cause) {
      // Whatever a frame is like, it must not be the end.
      parts.invalid(new TickcastError('invalid_frame', 'Not a message.', { cause }));
    }
  };

  try {
    socket = parts.open(parts.url, parts.token, {
      opened() {
        isOpen = !isOver;
        hello();
      },
      received: onText,
      refused(status, retryAfterMs) {
        const isFinal = /^4(?!08|29)/.test(String(status));
        const message = `HTTP status ${status}: ${isFinal ? 'check the URL' : 'try later'}.`;
        const error = new TickcastError('handshake_refused', message, { status, retryAfterMs });
        end(error, isFinal ? 'never' : 'backoff');
      },
      closed(code, cause) {
        closed();
        end(isOpen ? lost(code, lastError) : failed(cause), CLOSE_ACTIONS[code] ?? 'backoff');
      },
    });
  } catch (cause) {
    // Not now: who makes a connection has to have it before it ends.
    queueMicrotask(() => end(failed(cause), 'backoff'));
  }

  return {
    send,
    request(message, onReply = () => undefined) {
      ask(message, onReply, true);
    },
    breakOff,
    async close() {
      if (isOver) return;
      stop();
      const done = new Promise<void>((resolve) => (closed = resolve));
      const timer = setTimeout(closed, GOODBYE_MS);
      socket?.close(1000);
      await done;
      clearTimeout(timer);
      cut();
    },
  };
}

function lost(closeCode: number, said: ErrorFrame | undefined): TickcastError {
  const code = said?.error ?? OWN_CODES[closeCode] ?? 'connection_lost';
  const message = `Closed with ${closeCode}.`;
  return new TickcastError(code, said?.detail ?? message, { closeCode, retryAfterMs: said?.retry_after_ms });
}

function failed(cause: unknown): TickcastError {
  const message = `Could not connect: ${cause ?? 'is the server up?'}`;
  return new TickcastError('connection_failed', message, { cause });
}
