import { type AlertLogPage, type StoredStream, type StreamPosition, withDeadline } from '@tickcast/backplane';
import type { Channel, StreamId } from '@tickcast/protocol';
import type { Feed } from './feed.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Position, Stream } from './stream.ts';

/** SPEC 2: a subscribe to a stream this node doesn't hold is answered within 1 s even when Redis hangs. */
const READ_DEADLINE_MS = 900;
const RETRY_MS = 1000;
const PAGE_BYTES = 256 * 1024;
/** A lost event that no other follows is noticed after this, and the second look. */
const COMPARE_EVERY_MS = 3000;
/** A stream with events this recent shows by itself what it misses. */
const QUIET_MS = 2000;
/** What Redis has published by the first look is here by the second, unless it was lost. */
const SECOND_LOOK_MS = 1000;
/** How often the log is tried while messages come. While none can, nothing piles up, and what there is waits. */
const HEAL_ATTEMPTS = 8;
const HEAL_RETRY_MS = 250;

/** What is read from Redis to bring a feed up to date. Everything throws BackplaneUnavailableError while it is away. */
export interface StreamReader {
  readonly isUp: boolean;
  /** Whether messages come, although nothing can perhaps be read. */
  readonly isReceiving: boolean;
  open(channel: Channel, key: string | null): Promise<StoredStream[]>;
  /** The log of alerts from a position on, which is included where the log still has it. */
  readLog(from: Position, maxBytes: number): Promise<AlertLogPage>;
  /** Where streams stand, a list for each: all that were active lately for a channel whose key is null. */
  positions(streams: readonly StreamId[]): Promise<StreamPosition[][]>;
  /** Resolves when all that was published before has come. */
  flush(): Promise<void>;
}

interface CatchUpParts {
  source: StreamReader;
  feeds: () => Iterable<Feed>;
  /** The connections' clock. */
  now: () => number;
  metrics: Metrics;
  log: Log;
}

/** Brings feeds up to what Redis holds: after a reconnect, at a hole, and when an event was lost that no other followed. */
export class CatchUp {
  readonly #parts: CatchUpParts;
  /** Feeds to be read again, after a time. */
  readonly #retrying = new Map<Feed, NodeJS.Timeout>();
  #comparing: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
  }

  start(): void {
    const compare = async () => {
      await this.#compare();
      if (!this.#stopped) this.#comparing = setTimeout(() => void compare(), COMPARE_EVERY_MS);
    };
    this.#comparing = setTimeout(() => void compare(), COMPARE_EVERY_MS);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#comparing) clearTimeout(this.#comparing);
    for (const timer of this.#retrying.values()) clearTimeout(timer);
  }

  forget(feed: Feed): void {
    clearTimeout(this.#retrying.get(feed));
    this.#retrying.delete(feed);
  }

  /** Reads a feed again, until it succeeds: with a key, one stream of it. */
  async resync(feed: Feed, key: string | null = feed.key): Promise<void> {
    const { source, log } = this.#parts;
    if (key === feed.key) this.forget(feed);
    feed.pause();
    try {
      const stored = await source.open(feed.channel, key);
      await source.flush();
      feed.resume(stored);
    } catch (error) {
      const reason = (error as Error).message;
      log.warnSparsely({ feed: feed.name, reason }, 'could not read a feed again; trying once more');
      feed.resume(null);
      if (feed.closed || this.#stopped) return;
      this.forget(feed);
      this.#retrying.set(
        feed,
        setTimeout(() => void this.resync(feed), RETRY_MS),
      );
    }
  }

  /** Looks for events that are missing from a feed, which waits for it. */
  async heal(feed: Feed, stream: Stream): Promise<void> {
    const { source, log } = this.#parts;
    for (let attempt = 1; !feed.closed && !this.#stopped;) {
      try {
        if (feed.channel === 'alerts') await this.#replayLog(feed, stream);
        feed.healed({ read: true, standsFrom: await this.#standsFrom(stream) });
        return;
      } catch (error) {
        const reason = (error as Error).message;
        log.warnSparsely({ feed: feed.name, reason }, 'could not look for missing events');
        if (attempt === HEAL_ATTEMPTS) break;
        if (source.isReceiving) attempt += 1;
        await sleep(HEAL_RETRY_MS);
      }
    }
    feed.healed({ read: false, standsFrom: null });
  }

  /** Takes what the log has between the last event of the stream and the one that waits. */
  async #replayLog(feed: Feed, stream: Stream): Promise<void> {
    for (let more = stream.epoch !== null; more;) {
      const from = { epoch: stream.epoch ?? '', seq: stream.seq };
      const page = await this.#parts.source.readLog(from, PAGE_BYTES);
      const taken = feed.replay(stream, page.events);
      this.#parts.metrics.healed(feed.channel, taken);
      more = page.more && taken > 0;
    }
  }

  async #standsFrom({ id }: Stream): Promise<Position | null> {
    if (id.channel === 'alerts') return null;
    const [stored] = await this.#parts.source.open(id.channel, id.key);
    return stored ? { epoch: stored.frameEpoch, seq: stored.standsFrom } : null;
  }

  /** Compares quiet streams with Redis: an event that was lost and that none followed shows nowhere else. */
  async #compare(): Promise<void> {
    const { source, log, metrics } = this.#parts;
    if (!source.isUp) return;
    try {
      const suspects = await this.#behind();
      if (suspects.length === 0) return;
      await sleep(SECOND_LOOK_MS);
      for (const { feed, position } of suspects) {
        if (this.#stopped || feed.closed || !feed.isBehind(position)) continue;
        metrics.foundBehind(feed.channel);
        await this.resync(feed, feed.topic === null ? feed.key : position.key);
      }
    } catch (error) {
      log.warnSparsely({ reason: (error as Error).message }, 'could not compare quiet streams with Redis');
    }
  }

  async #behind(): Promise<Array<{ feed: Feed; position: StreamPosition }>> {
    const now = this.#parts.now();
    // Of many agents or backtests the feed may be busy while one of them is quiet.
    const quiet = [...this.#parts.feeds()].filter(
      (feed) => feed.live && (feed.topic !== null || now - feed.messageAt > QUIET_MS),
    );
    const positions = await this.#parts.source.positions(quiet.map(({ channel, key }) => ({ channel, key })));
    return quiet.flatMap((feed, index) =>
      (positions[index] ?? []).filter((one) => feed.isBehind(one)).map((position) => ({ feed, position })),
    );
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** `promise`, unless Redis takes longer than a client may wait. */
export function inTime<T>(promise: Promise<T>): Promise<T> {
  return withDeadline(promise, READ_DEADLINE_MS, () => new Error(`no answer within ${READ_DEADLINE_MS} ms`));
}
