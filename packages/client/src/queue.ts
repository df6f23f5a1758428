import { changedEvent, type Received } from './events.ts';
import { keyOf } from './frames.ts';
import type { Push } from './generated/protocol.ts';
import { TickcastError } from './errors.ts';

/**
 * What happens when the application is slower than its stream: of each stream the newest alone waits; or `buffer` events wait,
 * and the oldest is dropped; or `error` events wait, and then the subscription ends with `slow_consumer`.
 */
export type Overflow = 'latest' | { buffer: number } | { error: number };

interface QueueParts {
  overflow: Overflow;
  /** The application will not get it. */
  dropped(event: Received<Push>): void;
  /** More wait than may: nothing is taken any more. */
  overflowed(error: TickcastError): void;
}

interface Reading<E> {
  resolve(result: IteratorResult<E, undefined>): void;
  reject(error: unknown): void;
}

/** What waits between the reader of the socket, which never waits, and the application. */
export class EventQueue<E extends Received<Push>> {
  readonly #parts: QueueParts;
  /** By turn, or with `latest` by stream: an event that takes another's place has its turn. */
  readonly #waiting = new Map<string | number, E>();
  readonly #readings: Reading<E>[] = [];
  /** By stream, how many were dropped since the application got its last event. */
  readonly #lost = new Map<string | null, number>();
  #turn = 0;
  #ended = false;
  #error: TickcastError | null = null;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  push(event: E): void {
    if (this.#ended) return;
    const reading = this.#readings.shift();
    if (reading) {
      reading.resolve({ done: false, value: this.#withLost(event) });
      return;
    }
    const { overflow } = this.#parts;
    if (overflow === 'latest') this.#replace(event);
    else if ('buffer' in overflow) {
      this.#waiting.set(this.#turn++, event);
      if (this.#waiting.size > overflow.buffer) this.#drop();
    } else if (this.#waiting.size < overflow.error) this.#waiting.set(this.#turn++, event);
    else {
      const message = 'Too many wait: read faster.';
      this.#parts.overflowed(new TickcastError('slow_consumer', message));
    }
  }

  async next(): Promise<IteratorResult<E, undefined>> {
    const event = this.#shift();
    if (event) return { done: false, value: this.#withLost(event) };
    if (!this.#ended) return new Promise((resolve, reject) => this.#readings.push({ resolve, reject }));
    const error = this.#error;
    // Told once; afterwards it is just over.
    this.#error = null;
    if (error) throw error;
    return { done: true, value: undefined };
  }

  /** Nothing comes any more. What waits can still be read, then the error is raised where there is one. */
  end(error: TickcastError | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    for (const { resolve, reject } of this.#readings.splice(0)) {
      if (this.#error) reject(this.#error);
      else resolve({ done: true, value: undefined });
      this.#error = null;
    }
  }

  /** The application wants nothing any more, not even what waits. */
  clear(): void {
    this.#waiting.clear();
    this.#error = null;
    this.end(null);
  }

  /** The newest stands for those before it. A raw event has no number, and so can't stand for one that has. */
  #replace(event: E): void {
    const slot = `${keyOf(event)} ${event.seq === undefined}`;
    const former = this.#waiting.get(slot);
    const conflated = (event.conflated ?? 0) + (former?.conflated ?? 0) + 1;
    this.#waiting.set(slot, former ? (changedEvent<Push>(event, { conflated }) as E) : event);
  }

  #drop(): void {
    const event = this.#shift();
    if (!event) return;
    const key = keyOf(event);
    this.#lost.set(key, (this.#lost.get(key) ?? 0) + (event.conflated ?? 0) + 1);
    this.#parts.dropped(event);
  }

  #withLost(event: E): E {
    const key = keyOf(event);
    const lost = this.#lost.get(key);
    if (lost === undefined) return event;
    this.#lost.delete(key);
    return changedEvent<Push>(event, { lost }) as E;
  }

  #shift(): E | undefined {
    const [first] = this.#waiting;
    if (first) this.#waiting.delete(first[0]);
    return first?.[1];
  }
}
