/** The limits of a cluster that nobody configured otherwise. `welcome.limits` tells the ones in force. */
export const DEFAULT_LIMITS = {
  /** Seats over the whole cluster. */
  connections: 1000,
  /** Subscriptions a connection. */
  subscriptions: 50,
  /** Client messages a second and a seat; also the size of the bucket. */
  messages_per_second: 100,
  /** Bytes of one client message. */
  message_bytes: 16_384,
  /** Seconds without activity after which a connection is closed. */
  idle_seconds: 30,
  /** Frames of one symbol to one client in any second. */
  market_data_per_second: 10,
} as const;

/** Bytes of one published frame. */
export const MAX_FRAME_BYTES = 65_536;

/** Levels of objects and arrays in one published frame: what any client's JSON parser takes. */
export const MAX_FRAME_DEPTH = 64;

/** Elements of `symbols` in one message: bounds what a single reply can weigh. */
export const MAX_SYMBOLS = 256;

/** Entries in the `channels` claim of a token. */
export const MAX_CLAIM_ENTRIES = 1000;
