import type { Connection } from './connection.ts';
import type { Fanout } from './socket.ts';

const SWEEP_EVERY_MS = 100;
/** Part of a client's buffer that may be published before all are looked at again. */
const SWEEP_AFTER = 1 / 4;

interface SlowConsumersParts {
  connections: Iterable<Connection>;
  fanout: Fanout;
  maxBufferedBytes: number;
}

/**
 * Keeps clients that read too slowly from holding more of this node's memory than they may: those that fall behind get
 * what may be merged only when they have caught up.
 *
 * The engine tells of a client that drains, not of one that falls behind. To look at all of them now and then, and whenever
 * so much was published that one of them may have, costs less than to ask each at every push.
 */
export class SlowConsumers implements Fanout {
  readonly #parts: SlowConsumersParts;
  readonly #timer: NodeJS.Timeout;
  readonly #sweepAfterBytes: number;
  #publishedBytes = 0;

  constructor(parts: SlowConsumersParts) {
    this.#parts = parts;
    this.#sweepAfterBytes = parts.maxBufferedBytes * SWEEP_AFTER;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_EVERY_MS);
  }

  publish(topic: string, frame: Uint8Array, isCollected: boolean): void {
    this.#parts.fanout.publish(topic, frame, isCollected);
    const limit = this.#sweepAfterBytes;
    const before = this.#publishedBytes;
    this.#publishedBytes += frame.length;
    // What is published reaches the sockets at the end of the turn.
    if (before < limit && this.#publishedBytes >= limit) setImmediate(() => this.#sweep());
  }

  /** A client has read some of what waited for it. */
  drained(connection: Connection): void {
    connection.subscriptions.asides.drained();
    this.#look(connection);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sweep(): void {
    this.#publishedBytes = 0;
    for (const connection of this.#parts.connections) this.#look(connection);
  }

  #look(connection: Connection): void {
    const { subscriptions } = connection;
    const { asides } = subscriptions;
    if (asides.isStalled) connection.fail('slow_consumer', 4410);
    else if (asides.isPaused) {
      if (connection.hasCaughtUp) asides.resume();
    } else if (connection.isBehind) subscriptions.pause();
  }
}
