import type { TickcastError } from './errors.ts';
import type { Received } from './events.ts';
import type { Channel, Push } from './generated/protocol.ts';
import { EventQueue, type Overflow } from './queue.ts';

export interface SubscriptionOptions {
  /** Ends the subscription quietly: its iterator is done. */
  signal?: AbortSignal;
  /** `latest` when absent for quotes and backtests, `{ buffer: 1000 }` for agents, `{ error: 10_000 }` for alerts. */
  overflow?: Overflow;
}

/** Events of some streams. From the call that made it on nothing is missed; it waits in a queue until it is read. */
export interface Subscription<P extends Push> extends AsyncIterable<Received<P>> {
  /** Resolves when the server has confirmed every stream. Rejects with what ended the subscription before that. */
  readonly ready: Promise<void>;
  /** Ends it quietly, also what waits. Leaving the `for await` does the same. */
  close(): void;
}

const OVERFLOWS: Readonly<Record<Channel, Overflow>> = {
  market_data: 'latest',
  agent_status: { buffer: 1000 },
  backtest_progress: 'latest',
  alerts: { error: 10_000 },
};

interface ReaderParts extends SubscriptionOptions {
  /** It reads nothing any more. */
  left(): void;
  dropped(event: Received<Push>): void;
}

/** One subscription of the application: what the streams it joined deliver goes into its queue. */
export class Reader implements Subscription<Push> {
  readonly ready: Promise<void>;
  readonly #queue: EventQueue<Received<Push>>;
  readonly #parts: ReaderParts;
  /** Names of the streams that the server has not confirmed yet. */
  readonly #unconfirmed = new Set<string>();
  #isReady: () => void = () => undefined;
  #isRefused: (error: unknown) => void = () => undefined;
  readonly #abort = () => this.close();

  constructor(channel: Channel, parts: ReaderParts) {
    const { overflow = OVERFLOWS[channel], signal, dropped } = parts;
    this.#parts = parts;
    this.#queue = new EventQueue({ overflow, dropped, overflowed: (error) => this.end(error) });
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#isRefused = reject;
    });
    // Nobody has to wait for it.
    this.ready.catch(() => undefined);
    signal?.addEventListener('abort', this.#abort);
  }

  push(event: Received<Push>): void {
    this.#queue.push(event);
  }

  awaits(stream: string): void {
    this.#unconfirmed.add(stream);
  }

  confirmed(stream: string): void {
    this.#unconfirmed.delete(stream);
    if (this.#unconfirmed.size === 0) this.#isReady();
  }

  /** No more events come; those that wait can still be read. */
  end(error: TickcastError | null): void {
    this.#leave();
    this.#queue.end(error);
    if (error) this.#isRefused(error);
    else this.#isReady();
  }

  close(): void {
    this.#leave();
    this.#queue.clear();
    this.#isReady();
  }

  [Symbol.asyncIterator](): AsyncIterator<Received<Push>, undefined> {
    return {
      next: () => this.#queue.next(),
      return: async () => {
        this.close();
        return { done: true, value: undefined };
      },
    };
  }

  #leave(): void {
    this.#parts.signal?.removeEventListener('abort', this.#abort);
    this.#parts.left();
  }
}
