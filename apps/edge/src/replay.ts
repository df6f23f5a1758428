import type { AlertLogPage, NumberedEvent } from '@tickcast/backplane';
import type { Since } from '@tickcast/protocol';
import type { Connection } from './connection.ts';
import { sendDelivery } from './loss.ts';
import { type Delivery, type Hole, type Position, Stream, isEarlier } from './stream.ts';

/** SPEC 4: a replay that makes no progress for this long ends its client. */
const STALLED_MS = 30_000;
const RETRY_MS = 500;

interface ReplayParts {
  connection: Connection;
  /** The stream as this node delivers it. */
  stream: Stream;
  since: Since;
  /** @throws BackplaneUnavailableError */
  read: (from: Position) => Promise<AlertLogPage>;
  /** The connections' clock. */
  now: () => number;
  /**
   * The client has all that this node has delivered, and may go on with the others.
   * @param position where the replay has left it
   * @param missed what it was not sent, and no one will send it
   */
  onDone: (position: Position, missed: readonly Hole[]) => void;
}

/**
 * Sends one client the log from where it was, in pages as its socket drains, up to where this node stands; from there on
 * what this node delivered meanwhile.
 *
 * A page is read after the live events begin to be kept, so it reaches to the first of these; events both in it and kept
 * are sent once, because the client's own numbering takes each event once.
 */
export class Replay {
  readonly #parts: ReplayParts;
  /** The numbering as the client has seen it. */
  readonly #cursor: Stream;
  /** Delivered by this node since the page under way was asked for. */
  #live: Delivery[] = [];
  #page: AlertLogPage = { events: [], more: false };
  #progressAt: number;
  #isWaiting = false;
  /** Whether the log has an event where the client was, or after it. */
  #isKnown = false;
  #hasBegun = false;
  #ended = false;

  constructor(parts: ReplayParts) {
    this.#parts = parts;
    this.#progressAt = parts.now();
    this.#cursor = new Stream(parts.stream.id, 0);
    this.#cursor.startFrom(parts.since, null);
  }

  /**
   * Reads the first page.
   * @returns whether the log goes back to where the client was
   * @throws BackplaneUnavailableError
   */
  async open(): Promise<boolean> {
    const { since } = this.#parts;
    this.#page = await this.#read(since);
    const [first] = this.#page.events;
    this.#isKnown = first !== undefined;
    return first !== undefined && first.epoch === since.epoch && first.seq <= since.seq + 1;
  }

  /** This node has delivered an event. */
  offer(delivery: Delivery): void {
    // While it waits for the client, the next page will have it.
    if (!this.#ended && !this.#isWaiting) this.#live.push(delivery);
  }

  /** The last event that the client has. */
  get position(): Position {
    return { epoch: this.#cursor.epoch ?? '', seq: this.#cursor.seq };
  }

  /** Whether anything may have been sent. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Goes on where another was ended, as soon as the log can be read. */
  goOn(): void {
    this.#hasBegun = true;
    this.#isKnown = true;
    void this.#next();
  }

  /** Sends the page that was read, then the next ones, each when there is room for it. */
  run(): void {
    if (this.#ended) return;
    this.#hasBegun = true;
    for (const event of this.#page.events) this.#send(event, true);
    if (!this.#page.more) this.#finish();
    else if (this.#parts.connection.hasCaughtUp) void this.#next();
    else this.#isWaiting = true;
  }

  /** The client has taken something. */
  drained(): void {
    this.#progressAt = this.#parts.now();
    if (!this.#isWaiting || !this.#parts.connection.hasCaughtUp) return;
    this.#isWaiting = false;
    void this.#next();
  }

  /** Whether nothing has gone out for so long that the client has to come again. */
  get isStalled(): boolean {
    return this.#isWaiting && this.#parts.now() - this.#progressAt >= STALLED_MS;
  }

  /** Ends it early; answers what this node delivered meanwhile. */
  end(): readonly Delivery[] {
    this.#ended = true;
    const live = this.#live;
    this.#live = [];
    return live;
  }

  async #next(): Promise<void> {
    while (!this.#ended) {
      try {
        // Not from the client's last event, as the first: with a large one more the page would be full before any news.
        const { epoch, seq } = this.position;
        this.#page = await this.#read({ epoch, seq: seq + 1 });
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
    this.run();
  }

  #read(from: Position): Promise<AlertLogPage> {
    this.#live = [];
    return this.#parts.read(from);
  }

  #send(event: NumberedEvent, recovered: boolean): void {
    const { connection, stream, since, now } = this.#parts;
    const before = this.position;
    // The log has gone further than this node had.
    if (isEarlier(event.epoch, before.epoch)) return;
    const delivery = this.#cursor.accept(event);
    if (!delivery) return;
    const holes = [...delivery.holes];
    // Of the epoch that the client was in it is not known that it was never used.
    const isOver = before.epoch === since.epoch && before.epoch !== event.epoch;
    if (isOver && !holes.some(({ epoch }) => epoch === before.epoch)) {
      holes.unshift({ epoch: before.epoch, from: before.seq + 1, to: null });
    }
    sendDelivery(connection, stream, { ...delivery, holes }, recovered);
    this.#progressAt = now();
  }

  #finish(): void {
    for (const { event } of this.end()) this.#send(event, false);
    const { position } = this;
    this.#parts.onDone(position, this.#missedFrom(position));
  }

  /** What lies between the end of the log and where this node stands: nothing, unless Redis has lost it. */
  #missedFrom({ epoch, seq }: Position): Hole[] {
    const node = this.#parts.stream.deliveredTo;
    if (!node) return [];
    if (node.epoch === epoch && node.seq > seq) return [{ epoch, from: seq + 1, to: node.seq }];
    if (node.epoch === epoch && node.seq === seq) return [];
    // Ahead of this node, by events that the log has.
    if (this.#isKnown && !isEarlier(epoch, node.epoch)) return [];
    const missed: Hole[] = [{ epoch, from: seq + 1, to: null }];
    if (node.seq > 0 && isEarlier(epoch, node.epoch)) missed.push({ epoch: node.epoch, from: 1, to: node.seq });
    return missed;
  }
}
