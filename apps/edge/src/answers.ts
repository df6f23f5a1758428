import type { MessageId } from '@tickcast/protocol';

/** What a client is told to wait while Redis, or the key server, is out of reach. */
export const BACKPLANE_RETRY_MS = 1000;

/** The field of an answer to a message with an `id`. */
export const withId = (id: MessageId | undefined) => (id === undefined ? {} : { id });

/** Spreads the clients of a full cluster, so that they don't all return in the same instant. */
export function fullRetryMs(): number {
  return 1000 + Math.floor(Math.random() * 2000);
}
