import type { Connection } from './connection.ts';
import { type RawDelivery, merge, mergeRaw } from './conflation.ts';
import type { Feed } from './feed.ts';
import { sendDelivery, sendSnapshot } from './loss.ts';
import { pushFrame } from './push-frame.ts';
import type { Replay } from './replay.ts';
import { type Delivery, type Hole, type Position, type Stream, isEarlier } from './stream.ts';

/** Where a client stands that does not stand where the node does. */
interface Floor {
  /** It has all events up to here. */
  position: Position;
  /** What it is still to be told of, with its next push. */
  owed: readonly Hole[];
}

/**
 * A client that stands aside of a feed's topics, because it is too slow for them, is being sent the log, or stands elsewhere
 * in the numbering. It gets each delivery by itself, at once or when it can take it, and goes back as soon as it may.
 */
export class Aside {
  readonly #connection: Connection;
  readonly #feed: Feed;
  readonly #onOver: () => void;
  /** The topics it would have joined. */
  #topics: ReadonlySet<string> = new Set();
  slow = false;
  replay: Replay | null = null;
  readonly #floors = new Map<Stream, Floor>();
  /** Of each stream the newest, with what was merged into it. */
  readonly #waiting = new Map<Stream, Delivery>();
  readonly #waitingRaw = new Map<Stream, RawDelivery>();
  /** Last values still to be sent, before what waits of their streams; null: the newest, after that. */
  readonly #snapshots = new Map<Stream, Pick<Stream, 'delivered'> | null>();

  /** @param onOver called when nothing keeps the client from the feed's topics any more */
  constructor(connection: Connection, feed: Feed, onOver: () => void) {
    this.#connection = connection;
    this.#feed = feed;
    this.#onOver = onOver;
  }

  /** All that the client is still to be sent or told. */
  get #held(): ReadonlyArray<Map<Stream, unknown>> {
    return [this.#floors, this.#waiting, this.#waitingRaw, this.#snapshots];
  }

  /** The client is to get what goes to these topics, and nothing else that may have waited; whether one of them is new. */
  cover(topics: ReadonlySet<string>): boolean {
    const isWider = [...topics].some((topic) => !this.#topics.has(topic));
    this.#topics = topics;
    for (const held of this.#held) {
      for (const stream of held.keys()) if (!this.#covers(stream)) held.delete(stream);
    }
    return isWider;
  }

  /** Ends it, unless something still keeps the client here. */
  endIfOver(): void {
    if (!this.slow && !this.replay && this.#held.every(({ size }) => size === 0)) this.#onOver();
  }

  /** From now on the client is at a place of its own in the stream. */
  setFloor(stream: Stream, floor: Floor): void {
    this.#floors.set(stream, floor);
  }

  /** The client has said itself where it stands in the stream: what it was to be sent or told counts no more. */
  forget(stream: Stream): void {
    this.#floors.delete(stream);
    this.#waiting.delete(stream);
    this.#snapshots.delete(stream);
  }

  /** Whether the client is still to be sent or told something of the stream. */
  holds(stream: Stream): boolean {
    return this.#held.some((held) => held.has(stream));
  }

  endReplay(): void {
    this.replay?.end();
    this.replay = null;
  }

  offer(stream: Stream, delivery: Delivery): void {
    if (this.replay) {
      this.replay.offer(delivery);
      return;
    }
    if (!this.#covers(stream)) return;
    const own = this.#fromFloor(stream, delivery);
    if (!own) return;
    if (this.slow) this.#wait(stream, own);
    else {
      sendDelivery(this.#connection, stream, own);
      this.endIfOver();
    }
  }

  /** A frame outside numbering; of quotes only the newest matters. */
  offerRaw(stream: Stream, delivery: RawDelivery): void {
    if (!this.#covers(stream)) return;
    if (this.slow && stream.id.channel === 'market_data') {
      const older = this.#waitingRaw.get(stream);
      this.#waitingRaw.set(stream, older ? mergeRaw(older, delivery) : delivery);
    } else this.#sendRaw(delivery);
  }

  /**
   * The last value of a stream is to be sent when the client can take it: that of now, from which later events go on; but
   * where some wait already, the client is told of these first.
   */
  addSnapshot(stream: Stream): void {
    if (this.#snapshots.get(stream)) return;
    this.#snapshots.set(stream, this.#waiting.has(stream) ? null : { delivered: stream.delivered });
  }

  /** Sends what has waited, as long as the client can take it; whether all of it went. */
  flush(): boolean {
    for (const [stream, snapshot] of this.#snapshots) {
      if (!snapshot) continue;
      if (this.#connection.isBehind) return false;
      this.#snapshots.delete(stream);
      sendSnapshot(this.#connection, snapshot);
    }
    return (
      this.#sendHeld(this.#waiting, (stream, delivery) => sendDelivery(this.#connection, stream, delivery)) &&
      this.#sendHeld(this.#waitingRaw, (_, delivery) => this.#sendRaw(delivery)) &&
      this.#sendHeld(this.#snapshots, (stream) => sendSnapshot(this.#connection, stream))
    );
  }

  #sendHeld<T>(held: Map<Stream, T>, send: (stream: Stream, item: T) => void): boolean {
    for (const [stream, item] of held) {
      if (this.#connection.isBehind) return false;
      held.delete(stream);
      send(stream, item);
    }
    return true;
  }

  #covers({ topic }: Stream): boolean {
    return this.#topics.has(topic) || (this.#feed.topic !== null && this.#topics.has(this.#feed.topic));
  }

  /** What may be merged waits for the client to catch up; an alert or a change of status goes, or ends the connection. */
  #wait(stream: Stream, delivery: Delivery): void {
    const older = this.#waiting.get(stream);
    // Merged over a gap, the older one would seem to lie behind it.
    const isApart = older && delivery.holes.some(({ epoch, to }) => epoch === older.event.epoch && to !== null);
    if (isApart) this.#sendNow(stream, older);
    const merged = older && !isApart ? merge(older, delivery) : delivery;
    if (mustGo(stream, delivery)) this.#sendNow(stream, merged);
    else this.#waiting.set(stream, merged);
  }

  #sendNow(stream: Stream, delivery: Delivery): void {
    const snapshot = this.#snapshots.get(stream);
    if (snapshot) {
      this.#snapshots.delete(stream);
      sendSnapshot(this.#connection, snapshot);
    }
    this.#waiting.delete(stream);
    sendDelivery(this.#connection, stream, delivery);
  }

  #sendRaw({ frame, conflated }: RawDelivery): void {
    this.#connection.push(pushFrame(frame, { conflated }));
  }

  /** The delivery as it looks from where the client stands; null for what it has already. */
  #fromFloor(stream: Stream, delivery: Delivery): Delivery | null {
    const floor = this.#floors.get(stream);
    if (!floor) return delivery;
    const { position, owed } = floor;
    const { event } = delivery;
    if (isEarlier(event.epoch, position.epoch)) return null;
    if (event.epoch === position.epoch && event.seq <= position.seq) return null;
    this.#floors.delete(stream);
    const holes = delivery.holes.flatMap((hole) => {
      if (isEarlier(hole.epoch, position.epoch)) return [];
      if (hole.epoch !== position.epoch || hole.from > position.seq) return [hole];
      return hole.to !== null && hole.to <= position.seq ? [] : [{ ...hole, from: position.seq + 1 }];
    });
    if (event.epoch !== position.epoch && position.seq > 0 && !holes.some(({ epoch }) => epoch === position.epoch)) {
      // This node saw nothing of the epoch that the client was in.
      holes.unshift({ epoch: position.epoch, from: position.seq + 1, to: null });
    }
    const own = event.epoch === position.epoch ? event.seq - position.seq - 1 : delivery.conflated;
    return { event, conflated: Math.min(delivery.conflated, own), holes: [...owed, ...holes] };
  }
}

/** A refresh of an agent that made up for lost events may be the only one to show a change of status among them. */
function mustGo({ id }: Stream, { event, conflated }: Delivery): boolean {
  return event.keep || (id.channel === 'agent_status' && conflated > 0);
}
