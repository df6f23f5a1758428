/** What a client says to one kind of server, as bytes and without a library: the load generator must cost the same for all. */
export interface Dialect {
  /** Path and query of the upgrade request. */
  readonly path: string;
  /** Bytes to send right after the upgrade; empty where the server speaks first. */
  hello(topics: readonly string[]): Buffer;
  /** What a text frame means to a client that is not ready yet, i.e. whose topics the server has not confirmed. */
  isReady(text: string): 'ready' | 'wait' | Error;
  /** Bytes to answer a text frame with that is no event, before or after a client is ready; null for none. */
  answer(text: string, topics: readonly string[]): Buffer | null;
  /** Whether the text frame whose payload begins at `start` is an event. Reads its first bytes only, for it is called on each. */
  isEvent(bytes: Uint8Array, start: number): boolean;
}
