/** What the core needs of a client's socket. The engine's adapter is the one place that knows more. */
export interface Socket {
  /** Address of the client, as text; behind a trusted proxy the one the proxy reports. */
  readonly remoteAddress: string;
  /** Sends a text frame. After the end of the socket this does nothing. */
  send(frame: string | Uint8Array): void;
  /** Sends a WebSocket ping. */
  ping(): void;
  /** Joins a topic: from now on `Fanout.publish(topic)` reaches this socket. */
  join(topic: string): void;
  leave(topic: string): void;
  /** Closes with a close frame. The connection's `ended` runs before this returns. */
  end(code: number, reason: string): void;
  /** Drops the TCP connection without a close frame. */
  cut(): void;
  /** Bytes accepted but not yet written to the network. */
  bufferedBytes(): number;
}

/** Delivers one frame to every socket that joined a topic. */
export interface Fanout {
  /** @param isCollected its stream's frames may wait for others, to be written together */
  publish(topic: string, frame: Uint8Array, isCollected: boolean): void;
}
