import type { ServerClock } from './clock.ts';
import { type Received, type StreamInfo, receivedEvent } from './events.ts';
import { keyOf, nameOf } from './frames.ts';
import type { Channel, Gap, Push } from './generated/protocol.ts';
import { type Outcome, type Since, StreamPosition } from './stream-position.ts';
import type { Reader } from './subscription.ts';

interface Arrival {
  event: Received<Push>;
  /** By the server's clock, Unix ms. */
  at: number;
  lagMs: number | null;
}

/** One subscription at the server, to one stream or to all of a channel, and those of the application that share it. */
export class HeldStream {
  readonly channel: Channel;
  readonly key: string | null;
  readonly name: string;
  readonly readers = new Set<Reader>();
  /** What the server has on this connection. */
  state: 'unknown' | 'asked' | 'answered' = 'unknown';
  readonly #clock: ServerClock;
  readonly #since: Since | undefined;
  /** By key: one, or of a subscription to all those that were heard of. */
  readonly #positions = new Map<string | null, StreamPosition>();
  readonly #arrivals = new Map<string | null, Arrival>();

  constructor(channel: Channel, key: string | null, clock: ServerClock, since?: Since) {
    this.channel = channel;
    this.key = key;
    this.name = nameOf(channel, key);
    this.#clock = clock;
    this.#since = since;
    if (this.isSingle) this.#positionOf(key);
  }

  get isSingle(): boolean {
    return this.key !== null || this.channel === 'alerts';
  }

  /** From where to go on; null where it begins with what comes, and for a subscription to all. */
  get since(): Since | null {
    return this.isSingle ? this.#positionOf(this.key).since : null;
  }

  subscribed(reply: { epoch: string | null; seq: number | null }, asked: Since | null): Outcome[] {
    return this.isSingle ? this.#positionOf(this.key).subscribed(reply, asked) : [];
  }

  push(frame: Push): Outcome[] {
    return this.#positionOf(keyOf(frame)).push(frame);
  }

  gap(frame: Gap): Outcome[] {
    return this.#positionOf(frame.key).gap(frame);
  }

  disconnected(): void {
    this.state = 'unknown';
    for (const position of this.#positions.values()) position.disconnected();
  }

  /** Hands a push to all that read this. */
  deliver(frame: Push, epoch: string | null, raw: string): void {
    const event = receivedEvent(frame, epoch, raw);
    const { seq, published_at, snapshot } = frame;
    const key = keyOf(frame);
    const at = this.#clock.now();
    const former = this.#arrivals.get(key);
    const lagMs =
      published_at === undefined || snapshot ? (former?.lagMs ?? null) : Math.max(0, at - published_at * 1000);
    // A raw event is nobody's last value.
    this.#arrivals.set(key, { event: seq === undefined && former ? former.event : event, at, lagMs });
    for (const reader of this.readers) reader.push(event);
  }

  /** What one that joins later gets at once: the last values, but an old alert must not look like a new one. */
  greet(reader: Reader): void {
    if (this.channel === 'alerts') return;
    for (const { event } of this.#arrivals.values()) {
      if (event.seq === undefined) continue;
      const { conflated: _merged, recovered: _recovered, ...rest } = event;
      reader.push(receivedEvent({ ...rest, snapshot: true } as Push, event.epoch, event.raw));
    }
  }

  describe(): StreamInfo[] {
    return [...this.#positions].map(([key, { epoch, seq }]) => {
      const arrival = this.#arrivals.get(key);
      const ageMs = arrival ? Math.max(0, this.#clock.now() - arrival.at) : null;
      return { channel: this.channel, key, epoch, lastSeq: seq, lagMs: arrival?.lagMs ?? null, ageMs };
    });
  }

  #positionOf(key: string | null): StreamPosition {
    let position = this.#positions.get(key);
    if (!position) {
      position = new StreamPosition(this.channel, key, { named: this.isSingle, since: this.#since });
      this.#positions.set(key, position);
    }
    return position;
  }
}
