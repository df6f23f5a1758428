import type { AlertLogPage, StoredStream } from '@tickcast/backplane';
import type { Channel, Since } from '@tickcast/protocol';
import { CatchUp, type StreamReader, inTime } from './catch-up.ts';
import type { RawDelivery } from './conflation.ts';
import { Feed, type FeedSink } from './feed.ts';
import { FlushSchedule } from './flush-schedule.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { Pace } from './pace.ts';
import { pushFrame } from './push-frame.ts';
import type { Traffic } from './reach.ts';
import type { Fanout } from './socket.ts';
import type { Delivery, Position, Stream } from './stream.ts';
import { Turnstile } from './turnstile.ts';
import { WriteWindow } from './write-window.ts';

/** A feed nobody uses is kept this long: well over the 5 s after which the seed's client comes back. */
const LINGER_MS = 10_000;
/** Clients that come back all at once must not make their own reads time out. */
const READS_AT_ONCE = 32;

/** What the hub needs of Redis. */
export interface StreamSource extends StreamReader {
  /** Starts receiving a Pub/Sub channel; resolves when Redis has confirmed it. */
  hold(name: string): Promise<void>;
  release(name: string): void;
  /** Name of the Pub/Sub channel that carries the stream, or all streams of the channel. */
  nameOf(channel: Channel, key: string | null): string;
}

/** Tells the subscribers of a stream, one by one, of what was lost. */
export type DeclareLoss = (stream: Stream, delivery: Delivery) => void;

interface HubParts {
  source: StreamSource;
  fanout: Fanout;
  /** What was published of collected streams since this was last asked. */
  takeTraffic: () => Traffic;
  declareLoss: DeclareLoss;
  marketDataMaxRate: number;
  /** The connections' clock. */
  now: () => number;
  metrics: Metrics;
  log: Log;
}

/** All feeds this node holds: from Redis in, to the engine's topics out. */
export class Hub implements FeedSink {
  readonly #parts: HubParts;
  readonly #schedule: FlushSchedule;
  readonly #feeds = new Map<string, Feed>();
  readonly #waiting = new Map<Feed, Array<(ready: boolean) => void>>();
  /** Feeds whose Pub/Sub channel Redis has confirmed. */
  readonly #held = new Set<Feed>();
  /** Feeds that were being opened when the connection was new: what they read may be older than their subscription. */
  readonly #missed = new Set<Feed>();
  readonly #lingering = new Map<Feed, NodeJS.Timeout>();
  readonly #catchUp: CatchUp;
  readonly #reads = new Turnstile(READS_AT_ONCE);

  constructor(parts: HubParts) {
    this.#parts = parts;
    const spacing = Pace.spacingAt(parts.marketDataMaxRate);
    this.#schedule = new FlushSchedule(new WriteWindow(spacing, parts.takeTraffic));
    this.#catchUp = new CatchUp({ ...parts, feeds: () => this.#feeds.values() });
    this.#catchUp.start();
  }

  /** The connections' clock, ms. */
  get now(): () => number {
    return this.#parts.now;
  }

  get feedCount(): number {
    return this.#feeds.size;
  }

  /** How long events of conflated streams are collected for now, ms. */
  windowMs(): number {
    const { window } = this.#schedule;
    // When nothing comes any more nobody else judges it.
    window.judge(this.#schedule.now());
    return window.ms;
  }

  /**
   * While quotes are collected all the same, those of a window are read together too, when it ends.
   * @returns false when none is open; else `resume` is called then
   */
  restFromQuotes(resume: () => void): boolean {
    if (this.windowMs() === 0) return false;
    this.#schedule.rest(resume);
    return true;
  }

  /** The feed that carries a stream; counts the caller as a user of it until `leave`. */
  use(channel: Channel, key: string | null): Feed {
    const name = this.#parts.source.nameOf(channel, key);
    let feed = this.#feeds.get(name);
    if (!feed) {
      // Agents and backtests share one Pub/Sub channel, whichever of them is asked for.
      const feedKey = channel === 'market_data' ? key : null;
      const pacing = { rate: this.#parts.marketDataMaxRate, schedule: this.#schedule, clock: this.#parts.now };
      feed = new Feed(name, { channel, key: feedKey }, pacing, this);
      this.#feeds.set(name, feed);
    }
    clearTimeout(this.#lingering.get(feed));
    this.#lingering.delete(feed);
    feed.users += 1;
    return feed;
  }

  leave(feed: Feed): void {
    feed.users -= 1;
    if (feed.users > 0) return;
    this.#lingering.set(
      feed,
      setTimeout(() => this.#drop(feed), LINGER_MS),
    );
  }

  /**
   * Calls back once the feed, and of it the stream with this key, stands on what Redis holds: at once when it already
   * does, `false` when it can't.
   */
  whenLive(feed: Feed, key: string | null, callback: (ready: boolean) => void): void {
    if (feed.knows(key)) {
      callback(true);
      return;
    }
    const withStream = (ready: boolean) => {
      if (!ready || feed.knows(key)) callback(ready);
      else void this.#learn(feed, key, callback);
    };
    const waiting = this.#waiting.get(feed);
    if (feed.live) withStream(true);
    else if (waiting) waiting.push(withStream);
    else {
      this.#waiting.set(feed, [withStream]);
      void this.#open(feed);
    }
  }

  /** A message of Redis. */
  message(name: string, bytes: Buffer): void {
    this.#feeds.get(name)?.message(bytes);
  }

  /** Redis is back: whatever was published meanwhile is in what it holds. */
  resync(): void {
    for (const feed of this.#feeds.values()) {
      if (feed.live) void this.#catchUp.resync(feed);
      else this.#missed.add(feed);
    }
  }

  /**
   * A page of the log of alerts, for one client.
   * @throws BackplaneUnavailableError
   */
  readLog(from: Position, maxBytes: number): Promise<AlertLogPage> {
    return this.#reads.run(() => this.#parts.source.readLog(from, maxBytes));
  }

  /**
   * Whether Redis has the event that a client says it had last, of a stream of which this node has not seen as much.
   * @throws BackplaneUnavailableError
   */
  async hasReached({ channel, key }: Stream['id'], { epoch, seq }: Since): Promise<boolean> {
    const [stored] = await this.#reads.run(() => inTime(this.#parts.source.open(channel, key)));
    return stored !== undefined && stored.frameEpoch === epoch && stored.frameSeq >= seq;
  }

  replayed(recovered: boolean): void {
    this.#parts.metrics.replayed(recovered);
  }

  /** Forgets streams that Redis has forgotten too. */
  prune(): void {
    for (const feed of this.#feeds.values()) feed.prune(this.#parts.now());
  }

  stop(): void {
    this.#schedule.stop();
    this.#catchUp.stop();
    for (const timer of this.#lingering.values()) clearTimeout(timer);
  }

  deliver(feed: Feed, stream: Stream, delivery: Delivery): void {
    const { metrics } = this.#parts;
    const { event, conflated, holes } = delivery;
    stream.pushed(event);
    metrics.pushed(feed.channel, conflated);
    if (holes.length === 0) {
      const { seq, publishedAt } = event;
      this.#publish(feed, stream, pushFrame(event.frame, { seq, publishedAt, conflated }));
    } else {
      for (const hole of holes) metrics.lost(feed.channel, hole);
      this.#parts.declareLoss(stream, delivery);
      this.#touch(feed, stream);
    }
    for (const aside of feed.asides) aside.offer(stream, delivery);
  }

  deliverRaw(feed: Feed, stream: Stream, { frame, conflated }: RawDelivery): void {
    this.#parts.metrics.pushed(feed.channel, conflated);
    this.#publish(feed, stream, pushFrame(frame, { conflated }));
    for (const aside of feed.asides) aside.offerRaw(stream, { frame, conflated });
  }

  heal(feed: Feed, stream: Stream): void {
    void this.#catchUp.heal(feed, stream);
  }

  received(channel: Channel, numbered: boolean, count: number): void {
    this.#parts.metrics.received(channel, numbered, count);
  }

  repeated(channel: Channel): void {
    this.#parts.metrics.repeated(channel);
  }

  refused(feed: Feed, problem: string): void {
    this.#parts.metrics.refused(feed.channel);
    this.#parts.log.warnSparsely({ feed: feed.name, problem }, 'dropped a bad frame from Redis');
  }

  #publish(feed: Feed, stream: Stream, frame: Buffer): void {
    this.#parts.fanout.publish(stream.topic, frame, feed.isConflated);
    if (feed.topic) this.#parts.fanout.publish(feed.topic, frame, feed.isConflated);
    this.#touch(feed, stream);
  }

  #touch(feed: Feed, stream: Stream): void {
    stream.pushedAt = this.#parts.now();
    feed.pushedAt = stream.pushedAt;
  }

  async #open(feed: Feed): Promise<void> {
    const { source, log } = this.#parts;
    feed.pause();
    let stored: StoredStream[] | null = null;
    try {
      const opened = this.#hold(feed).then(() => source.open(feed.channel, feed.key));
      stored = await inTime(opened);
    } catch (error) {
      log.warnSparsely({ feed: feed.name, reason: (error as Error).message }, 'could not open a feed');
    }
    feed.resume(stored);
    if (this.#missed.delete(feed) && feed.live) void this.#catchUp.resync(feed);
    const waiting = this.#waiting.get(feed) ?? [];
    this.#waiting.delete(feed);
    for (const callback of waiting) callback(feed.live);
  }

  /** Opens one agent or backtest of which nothing was heard: where its numbering stands is known to Redis alone. */
  async #learn(feed: Feed, key: string | null, callback: (ready: boolean) => void): Promise<void> {
    const { source, log } = this.#parts;
    try {
      const stored = await inTime(source.open(feed.channel, key));
      feed.learn(stored);
      // Its first events are still on their way, or were lost.
      const isBehind = stored.some((one) => feed.isBehind({ ...one, epoch: one.frameEpoch, seq: one.frameSeq }));
      if (isBehind) await inTime(this.#catchUp.resync(feed, key));
    } catch (error) {
      log.warnSparsely({ feed: feed.name, key, reason: (error as Error).message }, 'could not open a stream');
    }
    callback(feed.knows(key));
  }

  async #hold(feed: Feed): Promise<void> {
    if (this.#held.has(feed)) return;
    await this.#parts.source.hold(feed.name);
    if (this.#feeds.get(feed.name) === feed) this.#held.add(feed);
    else this.#parts.source.release(feed.name);
  }

  #drop(feed: Feed): void {
    this.#lingering.delete(feed);
    this.#missed.delete(feed);
    this.#catchUp.forget(feed);
    this.#feeds.delete(feed.name);
    feed.close();
    if (this.#held.delete(feed)) this.#parts.source.release(feed.name);
  }
}
