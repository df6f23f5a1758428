import type { AlertLogPage, NumberedEvent, StoredStream, StreamPosition } from '@tickcast/backplane';
import { createNames } from '@tickcast/backplane';
import type { Channel, StreamId } from '@tickcast/protocol';
import type { StreamSource } from '../../src/hub.ts';
import { streamTopic } from '../../src/topics.ts';
import { envelope } from './events.ts';
import { agentStatus, alert, backtestProgress, marketData } from './frames.ts';

const names = createNames();
const TERMINAL = new Set(['completed', 'failed', 'cancelled']);
const PAGE_EVENTS = 3;

/** An event with what a test wants to know of it; clients find it by `n`, its place among all that were published. */
export interface PublishedEvent extends NumberedEvent {
  id: StreamId;
  status: string;
}

interface StreamState {
  id: StreamId;
  boot: number;
  epoch: string;
  seq: number;
  last: PublishedEvent | null;
  kept: number;
  standsFrom: number;
}

interface NodeSide {
  onMessage: (name: string, bytes: Buffer) => void;
  onUp: () => void;
}

/** Redis by its contract: numbers, last values and the log of alerts, which can be trimmed, restarted and emptied. */
export class RedisModel {
  readonly published: PublishedEvent[] = [];
  readonly states = new Map<string, StreamState>();
  /** Names of all streams that there ever were. */
  readonly topics = new Set<string>();
  readonly links: RedisLinkModel[] = [];
  log: PublishedEvent[] = [];
  /** Events that Redis can tell nothing of any more. */
  readonly forgotten = new Set<PublishedEvent>();
  readonly #delays: readonly number[];
  #boot = 0;
  #epochs = 0;
  #delaysTaken = 0;

  /** @param delays what messages and the two ways of each call take, one after the other and again, ms */
  constructor(delays: readonly number[]) {
    this.#delays = delays;
  }

  nextDelay(): number {
    this.#delaysTaken += 1;
    return this.#delays[this.#delaysTaken % this.#delays.length] ?? 0;
  }

  /** What the Function does; the message is lost on its way to the links of `lostTo`. */
  publish(id: StreamId, status: string, lostTo: readonly number[] = []): void {
    const state = this.opened(id);
    const seq = state.seq + 1;
    const keep = mustBeKept(id.channel, seq, status, state.last?.status);
    const n = this.published.length;
    const frame = Buffer.from(JSON.stringify({ ...frameOf(id, status), n }));
    const publishedAt = `1701234568.${String(n).padStart(6, '0')}`;
    const { epoch } = state;
    const event: PublishedEvent = {
      kind: 'numbered',
      id,
      key: id.key,
      seq,
      epoch,
      publishedAt,
      keep,
      frame,
      status,
    };
    const before = seq > 1 ? state.kept : 0;
    if (id.channel !== 'agent_status' || keep) state.standsFrom = before;
    state.kept = keep ? seq : before;
    state.seq = seq;
    if (id.channel !== 'alerts' && state.last && state.last.epoch !== epoch) this.#forget(id);
    state.last = event;
    this.published.push(event);
    if (id.channel === 'alerts') this.log.push(event);
    const name = names.pubsubChannel(id.channel, id.key);
    for (const [index, link] of this.links.entries()) if (!lostTo.includes(index)) link.carry(name, envelope(event));
  }

  /** The stream's state, with a numbering of this run. */
  opened(id: StreamId): StreamState {
    const name = streamTopic(id.channel, id.key);
    this.topics.add(name);
    let state = this.states.get(name);
    if (!state) {
      state = { id, boot: -1, epoch: '', seq: 0, last: null, kept: 0, standsFrom: 0 };
      this.states.set(name, state);
    }
    if (state.boot !== this.#boot) {
      this.#epochs += 1;
      const number = this.#epochs.toString().padStart(6, '0');
      Object.assign(state, { boot: this.#boot, epoch: `1701234567${number}-${number}`, seq: 0 });
    }
    return state;
  }

  stored(id: StreamId): StoredStream {
    const { epoch, seq, last, standsFrom } = this.opened(id);
    const { key } = id;
    if (!last) {
      const nothing = { frame: null, frameEpoch: epoch, frameSeq: seq, publishedAt: '', keep: false };
      return { key, epoch, seq, ...nothing, standsFrom: seq };
    }
    const { frame, publishedAt, keep } = last;
    const from = id.channel === 'market_data' ? 0 : id.channel === 'alerts' ? last.seq - 1 : standsFrom;
    return { key, epoch, seq, frame, frameEpoch: last.epoch, frameSeq: last.seq, publishedAt, keep, standsFrom: from };
  }

  /** Redis is another process from now on, with the data of the one before. */
  restart(): void {
    this.#boot += 1;
  }

  /** Whoever listens has heard of all before: of what else may be on its way then, nobody could tell. */
  flushAll(): void {
    for (const link of this.links) link.arrive();
    for (const { id } of this.states.values()) this.#forget(id);
    this.states.clear();
    this.log = [];
  }

  trimLog(kept: number): void {
    for (const event of this.log.splice(0, Math.max(0, this.log.length - kept))) this.forgotten.add(event);
  }

  #forget({ channel, key }: StreamId): void {
    for (const event of this.published) {
      if (event.id.channel === channel && event.id.key === key) this.forgotten.add(event);
    }
  }
}

/** One node's connections to it. */
export class RedisLinkModel implements StreamSource {
  readonly #redis: RedisModel;
  readonly #node: NodeSide;
  readonly #held = new Set<string>();
  #inFlight: Array<() => void> = [];
  /** Calls are answered with an error, as by a Redis that is loading its data. */
  isFailing = false;
  /** Counts connections; null while there is none. */
  #connection: number | null = 0;
  #connections = 0;
  #requestAt = 0;
  #replyAt = 0;

  constructor(redis: RedisModel, node: NodeSide) {
    this.#redis = redis;
    this.#node = node;
    redis.links.push(this);
  }

  get isReceiving(): boolean {
    return this.isUp;
  }

  get isUp(): boolean {
    return this.#connection !== null;
  }

  cut(): void {
    this.#connection = null;
    this.#inFlight = [];
  }

  reconnect(): void {
    if (this.isUp) return;
    this.#connections += 1;
    this.#connection = this.#connections;
    this.#node.onUp();
  }

  /** Takes a message on its way; none overtakes another. */
  carry(name: string, bytes: Buffer): void {
    if (!this.isUp || !this.#held.has(name)) return;
    const arrive = () => this.#node.onMessage(name, bytes);
    this.#inFlight.push(arrive);
    setTimeout(() => this.#arriveUpTo(arrive), this.#redis.nextDelay());
  }

  hold(name: string): Promise<void> {
    return this.#call(() => void this.#held.add(name));
  }

  release(name: string): void {
    this.#held.delete(name);
  }

  open(channel: Channel, key: string | null): Promise<StoredStream[]> {
    return this.#call(() => {
      if (key !== null || channel === 'alerts') return [this.#redis.stored({ channel, key })];
      return [...this.#redis.states.values()]
        .filter(({ id, last }) => id.channel === channel && last !== null)
        .map(({ id }) => this.#redis.stored(id));
    });
  }

  readLog(from: { epoch: string; seq: number }): Promise<AlertLogPage> {
    return this.#call(() => {
      const { epoch, seq } = from;
      const rest = this.#redis.log.filter((one) => one.epoch > epoch || (one.epoch === epoch && one.seq >= seq));
      return { events: rest.slice(0, PAGE_EVENTS), more: rest.length > PAGE_EVENTS };
    });
  }

  positions(streams: readonly StreamId[]): Promise<StreamPosition[][]> {
    return this.#call(() => {
      const states = [...this.#redis.states.values()];
      return streams.map(({ channel, key }) =>
        states
          .filter(({ id }) => id.channel === channel && (key === null || id.key === key))
          .map(({ id, epoch, seq }) => ({ key: id.key, epoch, seq })),
      );
    });
  }

  flush(): Promise<void> {
    return this.#call(() => this.arrive());
  }

  nameOf(channel: Channel, key: string | null): string {
    return names.pubsubChannel(channel, key);
  }

  /** All that is on its way arrives. */
  arrive(): void {
    this.#arriveUpTo(this.#inFlight.at(-1));
  }

  #arriveUpTo(last: (() => void) | undefined): void {
    const count = last ? this.#inFlight.indexOf(last) + 1 : 0;
    for (const arrive of this.#inFlight.splice(0, count)) arrive();
  }

  async #call<T>(answer: () => T): Promise<T> {
    const connection = this.#connection;
    const check = () => {
      if (connection === null || this.#connection !== connection) throw new Error('Redis is away');
      if (this.isFailing) throw new Error('LOADING');
    };
    // Neither requests nor replies overtake each other.
    this.#requestAt = Math.max(this.#requestAt, performance.now() + this.#redis.nextDelay());
    await until(this.#requestAt);
    check();
    const reply = answer();
    this.#replyAt = Math.max(this.#replyAt, performance.now() + this.#redis.nextDelay());
    await until(this.#replyAt);
    check();
    return reply;
  }
}

/** Timers of one moment go off in the order in which they were set. */
function until(moment: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, moment - performance.now()));
}

function mustBeKept(channel: Channel, seq: number, status: string, before: string | undefined): boolean {
  if (channel === 'alerts') return true;
  if (channel === 'agent_status') return seq === 1 || status !== before;
  return channel === 'backtest_progress' && TERMINAL.has(status);
}

function frameOf({ channel, key }: StreamId, status: string): object {
  switch (channel) {
    case 'alerts':
      return alert(status);
    case 'market_data':
      return marketData(key ?? '');
    case 'agent_status':
      return agentStatus(key ?? '', status);
    case 'backtest_progress': {
      const frame = backtestProgress(key ?? '') as { data: object };
      return { ...frame, data: { ...frame.data, status } };
    }
  }
}
