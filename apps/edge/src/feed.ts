import { type NumberedEvent, type StoredStream, decodeEnvelope } from '@tickcast/backplane';
import {
  type Channel,
  MAX_FRAME_BYTES,
  type PublishedFrame,
  type StreamId,
  checkPublishedFrame,
  isNormalKey,
} from '@tickcast/protocol';
import type { Aside } from './aside.ts';
import { Conflation, type RawDelivery } from './conflation.ts';
import type { FlushSchedule } from './flush-schedule.ts';
import { type Delivery, type Hole, type Position, Stream, isEarlier } from './stream.ts';
import { feedTopic } from './topics.ts';
import {
  type LastValue,
  type Waiting,
  eventIn,
  eventOf,
  inOrder,
  isBefore,
  isOfEarlierEpoch,
  numberingOf,
} from './waiting-events.ts';

/** The Function's header line is short; anything longer than this is no event. */
const MAX_MESSAGE_BYTES = MAX_FRAME_BYTES + 512;
const NO_EVENT = 'neither a frame nor an event of the Function';

/** How conflated streams are paced. */
export interface Pacing {
  /** Frames in any second. */
  rate: number;
  schedule: FlushSchedule;
  /** The connections' clock. */
  clock: () => number;
}

/** What a feed does with the events it has accepted. */
export interface FeedSink {
  deliver(feed: Feed, stream: Stream, delivery: Delivery): void;
  deliverRaw(feed: Feed, stream: Stream, delivery: RawDelivery): void;
  received(channel: Channel, numbered: boolean, count: number): void;
  repeated(channel: Channel): void;
  refused(feed: Feed, problem: string): void;
  /** Events are missing. The feed waits until `healed`. */
  heal(feed: Feed, stream: Stream): void;
}

/** What Redis says of events that are missing. */
export interface Found {
  /** The last value of the stream says all that the events after this number said; null: nothing is known of it. */
  standsFrom: Position | null;
  /** Whether Redis could be read: what is still missing then is lost. */
  read: boolean;
}

/** One Pub/Sub channel of Redis as held by this node: a single stream, or all agents or backtests. */
export class Feed {
  readonly name: string;
  readonly channel: Channel;
  readonly key: string | null;
  /** The engine's topic of every stream of this feed, where clients can subscribe to all of them. */
  readonly topic: string | null;
  readonly streams = new Map<string, Stream>();
  /** Clients that its topics do not reach for now. */
  readonly asides = new Set<Aside>();
  /** Moment of the last push of any of its streams, on the connections' clock. */
  pushedAt = Number.NEGATIVE_INFINITY;
  /** Moment of the last message from Redis, on the connections' clock. */
  messageAt = Number.NEGATIVE_INFINITY;
  /** Subscriptions of clients that need it. */
  users = 0;
  /** Whether it once stood on what Redis holds. */
  live = false;
  readonly #sink: FeedSink;
  readonly #pacing: Pacing;
  /** Of the one stream of a feed of quotes. */
  #conflation: Conflation | null = null;
  #closed = false;
  /** How many are reading from Redis what must come before the messages kept back. */
  #readers = 0;
  #backlog: Waiting[] = [];
  /** What is missing before this item has been looked for, with what was found. */
  #examined: { item: Waiting; found: Found } | null = null;

  constructor(name: string, id: StreamId, pacing: Pacing, sink: FeedSink) {
    this.name = name;
    this.channel = id.channel;
    this.key = id.key;
    this.topic = feedTopic(id.channel);
    this.#pacing = pacing;
    this.#sink = sink;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether its events wait for one another, and the newest stands for those before it. */
  get isConflated(): boolean {
    return this.channel === 'market_data';
  }

  /** A stream by its key; null for channels of one stream. */
  stream(key: string | null): Stream {
    let stream = this.streams.get(key ?? '');
    if (!stream) {
      stream = new Stream({ channel: this.channel, key }, this.#pacing.clock());
      this.streams.set(key ?? '', stream);
    }
    return stream;
  }

  /** Whether the stream stands on what Redis holds; with key null, the feed. */
  knows(key: string | null): boolean {
    return this.live && (key === null || (this.streams.get(key)?.epoch ?? null) !== null);
  }

  /**
   * Takes up a stream of which it has not heard yet; one that was heard of meanwhile stays as it is. Where there were events
   * it begins before the first: others, who get all streams, are to have them too.
   */
  learn(stored: readonly StoredStream[]): void {
    for (const entry of stored) {
      const stream = this.stream(entry.key);
      if (stream.epoch !== null) continue;
      stream.startFrom(entry.frame ? { epoch: entry.frameEpoch, seq: 0 } : entry, null);
    }
  }

  /** Nobody uses it any more: what it still holds back, or is still being read, must not come after its successor's. */
  close(): void {
    this.#closed = true;
    this.#backlog = [];
    this.#conflation?.close();
  }

  message(bytes: Buffer): void {
    this.messageAt = this.#pacing.clock();
    // Nothing that large is kept back even for a moment.
    if (bytes.length > MAX_MESSAGE_BYTES) this.#refuse(NO_EVENT);
    else if (this.#readers > 0) this.#backlog.push(bytes);
    else if (this.live) {
      const behind = this.#take(bytes);
      if (behind) this.#lookFor(behind, bytes, []);
    }
  }

  /** Keeps messages back until `resume`. */
  pause(): void {
    this.#conflation?.settle();
    this.#readers += 1;
  }

  /**
   * Goes on from what Redis holds. The first time that is where the numbering starts; later on, an event that Redis
   * holds and this node never saw is accepted like any other.
   * @param stored null when it could not be read: what was missed shows as a hole with the next event
   */
  resume(stored: readonly StoredStream[] | null): void {
    if (this.#closed) return;
    const read = new Map<string | null, LastValue>();
    for (const entry of stored ?? []) {
      const stream = this.stream(entry.key);
      const event = eventOf(entry);
      if (stream.epoch === null && !this.live) {
        const position = numberingOf(entry);
        stream.startFrom(position, event, entry.standsFrom);
        this.#backlog = this.#backlog.filter((item) => !isOfEarlierEpoch(item, entry.key, position));
      }
      // A last value of an earlier epoch is one this node has long passed (Redis restored from an old copy).
      else if (event && (event.epoch === entry.epoch || !isEarlier(event.epoch, stream.epoch ?? event.epoch))) {
        read.set(event.key, { event, standsFrom: entry.standsFrom });
      } else if (stream.epoch === null) stream.startFrom(entry, null, entry.standsFrom);
    }
    if (stored) this.live = true;
    this.#backlog = inOrder(this.#backlog, read);
    this.#proceed();
  }

  /**
   * Takes events read from the log of the stream, oldest first, up to the one that waits for them: it may be of an epoch
   * that is over by now.
   * @returns how many were taken
   */
  replay(stream: Stream, events: readonly NumberedEvent[]): number {
    const waiting = this.#examined && !this.#closed ? eventIn(this.#examined.item) : null;
    let taken = 0;
    for (const event of events) {
      const delivery = waiting && isBefore(event, waiting) ? stream.accept(event) : null;
      if (!delivery) continue;
      taken += 1;
      this.#deliver(stream, delivery);
    }
    return taken;
  }

  /** What was missing has been looked for: what still is, is lost. */
  healed(found: Found): void {
    if (this.#examined) this.#examined.found = found;
    this.#proceed();
  }

  /** Whether Redis has events of a stream that this node has not seen. */
  isBehind({ key, epoch, seq }: Position & { key: string | null }): boolean {
    if (seq === 0) return false;
    const stream = this.streams.get(key ?? '');
    return !stream || stream.epoch !== epoch || stream.seq < seq;
  }

  /** Forgets agents and backtests that have been silent for longer than Redis keeps their last value. */
  prune(now: number): void {
    if (this.topic === null) return;
    for (const [key, stream] of this.streams) {
      const isSilent = now - Math.max(stream.since, stream.pushedAt) > keptFor(stream);
      if (isSilent && ![...this.asides].some((aside) => aside.holds(stream))) this.streams.delete(key);
    }
  }

  #proceed(): void {
    this.#readers -= 1;
    if (this.#readers > 0 || this.#closed) return;
    const backlog = this.#backlog;
    this.#backlog = [];
    if (this.live) this.#goOn(backlog);
  }

  /** Takes one after the other, up to one that has others missing before it. */
  #goOn(items: readonly Waiting[]): void {
    for (const [index, item] of items.entries()) {
      const behind = this.#take(item);
      if (!behind) continue;
      this.#lookFor(behind, item, items.slice(index + 1));
      return;
    }
  }

  /** What is missing before the item may be had from Redis: all waits for it. */
  #lookFor(stream: Stream, item: Waiting, rest: readonly Waiting[]): void {
    this.#examined = { item, found: NOTHING };
    this.#backlog = [item, ...rest];
    this.pause();
    this.#sink.heal(this, stream);
  }

  /** @returns the stream of which something is missing that may be had yet; then nothing was taken */
  #take(item: Waiting): Stream | null {
    if (!Buffer.isBuffer(item)) return this.#numbered(item, item.event, item.standsFrom);
    const event = decodeEnvelope(item);
    if (event === null) return this.#refuse(NO_EVENT);
    if (event === 'raw') return this.#takeRaw(item);
    if (event.key === this.key && this.#conflation?.keep(event)) return null;
    return this.#check(event.frame, event.key) === null ? null : this.#numbered(item, event);
  }

  #takeRaw(frame: Buffer): null {
    const checked = this.#check(frame);
    if (!checked) return null;
    this.#sink.received(this.channel, false, 1);
    this.#raw(this.stream(checked.key), frame);
    return null;
  }

  /**
   * Checks a frame, which must be of a stream of this feed. The Function has checked its frames already, but anybody who may
   * PUBLISH can write what looks like its events.
   * @param key what the event says of it
   */
  #check(frame: Buffer, key?: string | null): PublishedFrame | null {
    const checked = checkPublishedFrame(this.channel, frame);
    if ('problem' in checked) return this.#refuse(checked.problem);
    const isOfThis = this.#isOwnKey(checked.key) && (key === undefined || key === checked.key);
    return isOfThis ? checked : this.#refuse('a frame of another stream');
  }

  #refuse(problem: string): null {
    this.#sink.refused(this, problem);
    return null;
  }

  /** Of events of one stream in their order: what its numbering skips is merged, so the frames of the others need no check. */
  #takeNewest(stream: Stream, events: readonly NumberedEvent[]): Delivery | null {
    let refused = 0;
    let delivery: Delivery | null = null;
    for (const event of events.toReversed()) {
      if (this.#check(event.frame, event.key) === null) refused += 1;
      else {
        delivery = stream.accept(event);
        if (delivery) break;
        this.#sink.repeated(this.channel);
      }
    }
    this.#sink.received(this.channel, true, events.length - refused);
    return delivery;
  }

  #numbered(item: Waiting, event: NumberedEvent, standsFrom?: number): Stream | null {
    const stream = this.stream(event.key);
    const found = this.#examined?.item === item ? this.#examined.found : null;
    // A last value comes from where else to look, but for alerts there is the log.
    const mayLook = found === null && (Buffer.isBuffer(item) || this.channel === 'alerts');
    if (mayLook && stream.mayBeHealed(event)) return stream;
    if (found) this.#examined = null;
    if (Buffer.isBuffer(item)) this.#sink.received(this.channel, true, 1);
    const foundFrom = found?.standsFrom?.epoch === event.epoch ? found.standsFrom.seq : undefined;
    const delivery = stream.accept(event, standsFrom ?? foundFrom);
    if (!delivery) this.#sink.repeated(this.channel);
    else if (found && !found.read) this.#deliver(stream, { ...delivery, holes: delivery.holes.map(maybeRecoverable) });
    else this.#deliver(stream, delivery);
    return null;
  }

  #deliver(stream: Stream, delivery: Delivery): void {
    if (this.isConflated) this.#conflationOf(stream).offer(delivery);
    else this.#sink.deliver(this, stream, delivery);
  }

  #raw(stream: Stream, frame: Buffer): void {
    if (this.isConflated) this.#conflationOf(stream).offerRaw(frame);
    else this.#sink.deliverRaw(this, stream, { frame, conflated: 0 });
  }

  #isOwnKey(key: string | null): boolean {
    if (this.key !== null || this.channel === 'alerts') return key === this.key;
    return key !== null && isNormalKey(this.channel, key);
  }

  #conflationOf(stream: Stream): Conflation {
    this.#conflation ??= new Conflation(this.#pacing.rate, this.#pacing.schedule, {
      take: (events) => this.#takeNewest(stream, events),
      deliver: (delivery) => this.#sink.deliver(this, stream, delivery),
      deliverRaw: (delivery) => this.#sink.deliverRaw(this, stream, delivery),
    });
    return this.#conflation;
  }
}

const NOTHING: Found = { standsFrom: null, read: false };

/** The end of an epoch that is over may be lost for good, whatever the log has. */
function maybeRecoverable(hole: Hole): Hole {
  return hole.to === null ? hole : { ...hole, recoverable: true };
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** What Redis does (SPEC 6); without a last value a stream is only remembered as recent activity. */
function keptFor({ delivered, id }: Stream): number {
  if (delivered === null) return MINUTE_MS;
  return id.channel === 'backtest_progress' && delivered?.keep ? 7 * DAY_MS : DAY_MS;
}
