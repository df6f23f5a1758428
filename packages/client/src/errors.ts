import type { ClientErrorCode, ServerErrorCode } from './generated/protocol.ts';

/** What went wrong, for programs: a code of the server's, or one of the client's own. */
export type ErrorCode = ServerErrorCode | ClientErrorCode;

export interface ErrorDetails {
  closeCode?: number | undefined;
  status?: number | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

/** Every error that the client raises or tells. Look at `code`; `message` is for people and may change. */
export class TickcastError extends Error {
  declare readonly code: ErrorCode;
  /** Of the WebSocket, where its end is what went wrong; 1006 when it ended without a close frame. */
  declare readonly closeCode?: number | undefined;
  /** HTTP status of a refused handshake, where the WebSocket in use can see it. */
  declare readonly status?: number | undefined;
  /** Before this many milliseconds a retry is pointless. */
  declare readonly retryAfterMs?: number | undefined;

  constructor(code: ErrorCode, message: string, details?: ErrorDetails) {
    super(message);
    Object.assign(this, { name: 'TickcastError', code }, details);
  }
}
