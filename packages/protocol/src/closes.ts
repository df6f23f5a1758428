/**
 * What becomes of the seat when a connection is closed with a code: `free` at once, `reserved` for the client's
 * return until the lease ends, `handed_over` to the newer connection, or `none` because there was no seat.
 */
export type SeatAfterClose = 'free' | 'reserved' | 'handed_over' | 'none';

/**
 * What a client's program does after a close: come back `at_once`, after a growing `backoff`, once it has a `new_token`, or
 * `never` by itself.
 */
export type ReconnectAfterClose = 'at_once' | 'backoff' | 'new_token' | 'never';

export interface Close {
  /** The text of the close frame: short ASCII, for logs and browsers' consoles. */
  readonly reason: string;
  readonly why: string;
  /** For people; `reconnect` says the same to programs. */
  readonly clientDoes: string;
  readonly reconnect: ReconnectAfterClose;
  readonly seat: SeatAfterClose;
}

/** Every code with which the server closes a WebSocket. */
export const CLOSES = {
  1003: {
    reason: 'binary frames are not accepted',
    why: 'the client sent a binary frame',
    clientDoes: 'Fix the client: send JSON in text frames. Do not retry blindly.',
    reconnect: 'never',
    seat: 'free',
  },
  1009: {
    reason: 'message too large',
    why: 'the client sent a message over the limit',
    clientDoes: 'Fix the client: split the message. Do not retry blindly.',
    reconnect: 'never',
    seat: 'free',
  },
  1012: {
    reason: 'node is draining',
    why: 'the node is being stopped',
    clientDoes: 'Reconnect now, with the seat id; the seat is kept for 30 s.',
    reconnect: 'at_once',
    seat: 'reserved',
  },
  1013: {
    reason: 'try again later',
    why: 'the cluster is full, or Redis is out of reach',
    clientDoes: 'Retry with growing, jittered delays; never before `retry_after_ms` of the error has passed.',
    reconnect: 'backoff',
    seat: 'none',
  },
  4401: {
    reason: 'authentication failed',
    why: 'the token is missing, bad or expired',
    clientDoes: 'Get a new token first, then reconnect.',
    reconnect: 'new_token',
    seat: 'free',
  },
  4408: {
    reason: 'idle timeout',
    why: 'nothing was sent either way for the idle time',
    clientDoes: 'Reconnect when the connection is needed; send `ping` to keep a quiet one open.',
    reconnect: 'backoff',
    seat: 'free',
  },
  4409: {
    reason: 'seat taken over',
    why: 'another connection came with the same seat id',
    clientDoes: 'Do not reconnect: the newer connection holds the seat.',
    reconnect: 'never',
    seat: 'handed_over',
  },
  4410: {
    reason: 'too slow',
    why: 'live events of a lossless stream overflowed the buffer, or a replay made no progress for 30 s',
    clientDoes: 'Reconnect with the seat id, read faster, and subscribe with `since`.',
    reconnect: 'backoff',
    seat: 'reserved',
  },
  4429: {
    reason: 'rate limit exceeded',
    why: 'the client kept exceeding the rate limit, or sent too much before it was seated',
    clientDoes: 'Back off: wait some seconds, then reconnect and send fewer messages.',
    reconnect: 'backoff',
    seat: 'free',
  },
} as const satisfies Record<number, Close>;

export type CloseCode = keyof typeof CLOSES;
