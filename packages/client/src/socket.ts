import { type Timer, after } from './timer.ts';

/** What is needed of a WebSocket: a browser's has it, that of `ws` and of undici too. */
export interface WebSocketLike {
  send(text: string): void;
  close(code?: number): void;
  addEventListener(type: 'open', listener: () => void): void;
  /** `ws` tells the reason in `error`, a browser nothing. */
  addEventListener(type: 'error', listener: (event: { error?: unknown }) => void): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { code: number }) => void): void;
  /** Ends it without a close frame, where it can. */
  terminate?(): void;
}

/** Opens a WebSocket, e.g. with TLS settings of your own. The token stands in `protocols`, behind `Authorization`. */
export type WebSocketFactory = (url: string, protocols: string[]) => WebSocketLike;

const NO_CLOSE_FRAME = 1006;
const CLOSE_WITHIN_MS = 1000;

export interface SocketEvents {
  opened(): void;
  received(data: unknown): void;
  /** The handshake was answered with an HTTP status; `closed` need not follow. */
  refused(status: number, retryAfterMs: number | undefined): void;
  /** @param code 1006 when there was no close frame @param cause why, where the WebSocket tells */
  closed(code: number, cause: unknown): void;
}

/** @throws when a WebSocket can't even be tried */
export type OpenSocket = (url: string, token: string, events: SocketEvents) => WebSocketLike;

/** For a WebSocket that can't set headers: the token goes into the subprotocols. */
export function withSubprotocol(create: WebSocketFactory): OpenSocket {
  return (url, token, events) => listen(create(url, ['Authorization', token]), events);
}

export function listen<Socket extends WebSocketLike>(socket: Socket, events: SocketEvents): Socket {
  let cause: unknown;
  let timer: Timer | undefined;
  socket.addEventListener('open', () => events.opened());
  socket.addEventListener('message', ({ data }) => events.received(data));
  // Where nobody listens, an `error` ends a Node process. A `close` follows, but not from the WebSocket of some Nodes.
  socket.addEventListener('error', ({ error }) => {
    cause = error;
    timer = after(CLOSE_WITHIN_MS, () => events.closed(NO_CLOSE_FRAME, cause));
  });
  socket.addEventListener('close', ({ code }) => {
    clearTimeout(timer);
    events.closed(code, cause);
  });
  return socket;
}

/** The WebSocket of this platform. */
export function globalSockets(): OpenSocket {
  const Global = Reflect.get(globalThis, 'WebSocket') as new (url: string, protocols: string[]) => WebSocketLike;
  return withSubprotocol((url, protocols) => new Global(url, protocols));
}
