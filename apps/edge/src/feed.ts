import { type NumberedEvent, type StoredStream, decodeEnvelope } from '@tickcast/backplane';
import { type Channel, MAX_FRAME_BYTES, type StreamId, checkPublishedFrame, isNormalKey } from '@tickcast/protocol';
import { Conflation, type ConflationSink, type RawDelivery } from './conflation.ts';
import type { FlushSchedule } from './flush-schedule.ts';
import { type Delivery, Stream } from './stream.ts';
import { feedTopic } from './topics.ts';

/** The Function's header line is short; anything longer than this is no event. */
const MAX_MESSAGE_BYTES = MAX_FRAME_BYTES + 512;

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
  received(channel: Channel, numbered: boolean): void;
  repeated(channel: Channel): void;
  refused(feed: Feed, problem: string): void;
}

/** One Pub/Sub channel of Redis as held by this node: a single stream, or all agents or backtests. */
export class Feed {
  readonly name: string;
  readonly channel: Channel;
  readonly key: string | null;
  /** The engine's topic of every stream of this feed, where clients can subscribe to all of them. */
  readonly topic: string | null;
  readonly streams = new Map<string, Stream>();
  /** Moment of the last push of any of its streams, on the connections' clock. */
  pushedAt = Number.NEGATIVE_INFINITY;
  /** Subscriptions of clients that need it. */
  users = 0;
  /** Whether it once stood on what Redis holds. */
  live = false;
  readonly #sink: FeedSink;
  readonly #pacing: Pacing;
  readonly #conflations = new Map<Stream, Conflation>();
  #closed = false;
  /** Messages kept back while the state is read, so that they can be put after it. */
  #backlog: Buffer[] | null = null;

  constructor(name: string, id: StreamId, pacing: Pacing, sink: FeedSink) {
    this.name = name;
    this.channel = id.channel;
    this.key = id.key;
    this.topic = feedTopic(id.channel);
    this.#pacing = pacing;
    this.#sink = sink;
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

  /** Takes up a stream that nobody has published to yet; one that was heard of meanwhile stays as it is. */
  learn(stored: readonly StoredStream[]): void {
    for (const entry of stored) {
      const stream = this.stream(entry.key);
      if (stream.epoch === null) stream.startFrom(numberingOf(entry), eventOf(entry));
    }
  }

  /** Nobody uses it any more: what it still holds back, or is still being read, must not come after its successor's. */
  close(): void {
    this.#closed = true;
    for (const conflation of this.#conflations.values()) conflation.close();
  }

  message(bytes: Buffer): void {
    if (this.#backlog) this.#backlog.push(bytes);
    else if (this.live) this.#accept(bytes);
  }

  /** Keeps messages back until `resume`. */
  pause(): void {
    this.#backlog ??= [];
  }

  /**
   * Goes on from what Redis holds. The first time that is where the numbering starts; later on, an event that Redis
   * holds and this node never saw is accepted like any other.
   * @param stored null when it could not be read: what was missed shows as a hole with the next event
   */
  resume(stored: readonly StoredStream[] | null): void {
    if (this.#closed) return;
    for (const entry of stored ?? []) {
      const stream = this.stream(entry.key);
      const last = eventOf(entry);
      if (stream.epoch === null && !this.live) stream.startFrom(numberingOf(entry), last);
      // A last value of any other epoch may be one this node has long passed (Redis restored from an old copy).
      else if (last && (last.epoch === entry.epoch || last.epoch === stream.epoch)) this.#numbered(stream, last);
      else if (stream.epoch === null) stream.startFrom(entry, null);
    }
    if (stored) this.live = true;
    const backlog = this.live ? (this.#backlog ?? []) : [];
    this.#backlog = null;
    for (const bytes of backlog) this.#accept(bytes);
  }

  /** Forgets agents and backtests that have been silent for longer than Redis keeps their last value. */
  prune(now: number): void {
    if (this.topic === null) return;
    for (const [key, stream] of this.streams) {
      if (now - Math.max(stream.since, stream.pushedAt) > keptFor(stream)) this.streams.delete(key);
    }
  }

  #accept(bytes: Buffer): void {
    const event = bytes.length > MAX_MESSAGE_BYTES ? null : decodeEnvelope(bytes);
    if (event === null) {
      this.#sink.refused(this, 'neither a frame nor an event of the Function');
      return;
    }
    // The Function has checked its frames already, but anybody who may PUBLISH can write what looks like its events.
    const checked = checkPublishedFrame(this.channel, event === 'raw' ? bytes : event.frame);
    if ('problem' in checked) {
      this.#sink.refused(this, checked.problem);
      return;
    }
    const { key } = checked;
    if (!this.#isOwnKey(key) || (event !== 'raw' && event.key !== key)) {
      this.#sink.refused(this, 'a frame of another stream');
      return;
    }
    this.#sink.received(this.channel, event !== 'raw');
    if (event === 'raw') this.#raw(this.stream(key), bytes);
    else this.#numbered(this.stream(key), event);
  }

  #numbered(stream: Stream, event: NumberedEvent): void {
    const delivery = stream.accept(event);
    if (!delivery) this.#sink.repeated(this.channel);
    else if (this.channel === 'market_data') this.#conflation(stream).offer(delivery);
    else this.#sink.deliver(this, stream, delivery);
  }

  #raw(stream: Stream, frame: Buffer): void {
    if (this.channel === 'market_data') this.#conflation(stream).offerRaw(frame);
    else this.#sink.deliverRaw(this, stream, { frame, conflated: 0 });
  }

  #isOwnKey(key: string | null): boolean {
    if (this.key !== null || this.channel === 'alerts') return key === this.key;
    return key !== null && isNormalKey(this.channel, key);
  }

  #conflation(stream: Stream): Conflation {
    let conflation = this.#conflations.get(stream);
    if (!conflation) {
      const sink: ConflationSink = {
        deliver: (delivery) => this.#sink.deliver(this, stream, delivery),
        deliverRaw: (delivery) => this.#sink.deliverRaw(this, stream, delivery),
      };
      conflation = new Conflation(this.#pacing.rate, this.#pacing.schedule, sink);
      this.#conflations.set(stream, conflation);
    }
    return conflation;
  }
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** What Redis does (SPEC 6); without a last value a stream is only remembered as recent activity. */
function keptFor({ delivered, id }: Stream): number {
  if (delivered === null) return MINUTE_MS;
  return id.channel === 'backtest_progress' && delivered?.keep ? 7 * DAY_MS : DAY_MS;
}

/**
 * The numbering to go on from. A last value of an earlier epoch stands for that epoch: its `seq` is what clients see, and
 * that a new one has begun they are told with its first event.
 */
function numberingOf({ epoch, seq, frame, frameEpoch, frameSeq }: StoredStream): { epoch: string; seq: number } {
  return frame ? { epoch: frameEpoch, seq: frameSeq } : { epoch, seq };
}

function eventOf(stored: StoredStream): NumberedEvent | null {
  const { key, frameSeq: seq, frameEpoch: epoch, publishedAt, keep, frame } = stored;
  return frame ? { kind: 'numbered', key, seq, epoch, publishedAt, keep, frame } : null;
}
