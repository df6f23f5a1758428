/** The codes of errors that a client finds by itself: CLIENTS.md, section 7. `slow_consumer` is the server's too. */
export const CLIENT_ERROR_CODES = [
  'connection_failed',
  'connection_lost',
  'no_answer',
  'handshake_refused',
  'gave_up',
  'seat_taken_over',
  'protocol_violated',
  'token_unavailable',
  'slow_consumer',
  'invalid_frame',
  'handler_failed',
  'not_connected',
] as const;
