import type { Channel, Since } from '@tickcast/protocol';
import { streamTopic } from '../../src/topics.ts';
import type { PublishedEvent, RedisModel } from './redis-model.ts';

/** What may come, as far as the checks look at it. */
interface Received {
  type: string;
  n?: number;
  seq?: number;
  conflated?: number;
  lost?: number | null;
  snapshot?: true;
  recovered?: true;
  channel?: Channel;
  key?: string | null;
  epoch?: string;
  from?: number;
  to?: number | null;
  recoverable?: boolean;
}

/** How far a client has come in one stream. */
interface Standing {
  /** null: no event came, and none had been published. */
  epoch: string | null;
  seq: number;
  /** false: it may have come further; the next event tells. */
  isExact: boolean;
  /** Events before the last gap that the next push is to stand for. */
  open: number;
  /** It was told that the epoch is over. */
  isOver: boolean;
}

/** A part of a stream that a client was told it will not get. */
interface Declared {
  topic: string;
  epoch: string;
  from: number;
  to: number | null;
  recoverable: boolean;
}

/** Holds every frame of one client against all that was published: delivered + conflated + lost, in order, once. */
export class Account {
  readonly standings = new Map<string, Standing>();
  readonly declared: Declared[] = [];
  /** The first that does not add up; thrown at once it might be caught by the code under test. */
  problem: Error | null = null;
  readonly #redis: RedisModel;
  readonly #isOptedIn: boolean;
  readonly #covers: (topic: string) => boolean;

  /** @param covers whether the client is subscribed to a stream */
  constructor(redis: RedisModel, isOptedIn: boolean, covers: (topic: string) => boolean) {
    this.#covers = covers;
    this.#redis = redis;
    this.#isOptedIn = isOptedIn;
  }

  /** A subscription begins, or begins anew, behind this event. */
  start(topic: string, epoch: string | null, seq: number, isExact = true): void {
    this.standings.set(topic, { epoch, seq, isExact, open: 0, isOver: false });
  }

  /** What a client gives as `since`: it knows the epoch once it was told it; after the end of one it has to ask. */
  since(topic: string): Since | undefined {
    const at = this.standings.get(topic);
    return at?.epoch && at.isExact && !at.isOver ? { epoch: at.epoch, seq: at.seq } : undefined;
  }

  take(frame: unknown): void {
    if (this.problem) return;
    const received = frame as Received;
    try {
      if (received.type === 'gap') this.#gap(received);
      else if (received.n !== undefined) this.#push(received, received.n);
    } catch (error) {
      this.problem = error as Error;
    }
  }

  #gap(gap: Received): void {
    const { channel, key = null, epoch = '', from = 0, to = null, recoverable = false } = gap;
    const topic = streamTopic(channel ?? 'alerts', key);
    const at = this.#standing(topic);
    if (!this.#isOptedIn) fail('a gap to a client that did not opt in', gap, at);
    if (to !== null && to < from) fail('a gap of nothing', gap, at);
    this.declared.push({ topic, epoch, from, to, recoverable });
    // That an epoch is over may be told again: by the node's own stream, after the answer to a `since`.
    if (at.isOver && at.epoch === epoch && to === null) return;
    // What waited for a slow client and the gap come together, and only the count can tell what was merged.
    const last = epoch === at.epoch && !at.isOver ? at : { seq: 0, open: 0 };
    const skipped = to !== null && at.isExact ? Math.max(0, from - last.seq - 1) : 0;
    const open = to === null ? 0 : last.open + skipped;
    this.#goesOn(at, epoch, from - skipped + (to === null ? last.open : 0), gap);
    Object.assign(at, { epoch, seq: to ?? from - 1, isExact: true, isOver: to === null, open });
  }

  #push(push: Received, n: number): void {
    const event = this.#redis.published[n];
    if (!event || event.seq !== push.seq) fail('an event with the number of another', push, event);
    const topic = streamTopic(event.id.channel, event.id.key);
    const at = this.#standing(topic);
    const { epoch, seq } = event;
    if (push.snapshot) {
      if (at.isExact && (at.epoch !== epoch || at.seq !== seq) && !(at.seq === 0 && !at.isOver)) {
        fail('a snapshot of another event than the last one delivered', push, at, event);
      }
      Object.assign(at, { epoch, seq, isExact: true });
      return;
    }
    const { conflated = 0, lost } = push;
    const first = seq - conflated;
    if (lost !== undefined && this.#isOptedIn) fail('lost to a client that opted in', push, at);
    if (lost === null) {
      if (at.isExact && at.epoch === epoch && !at.isOver) fail('an unknown loss within an epoch', push, at, event);
      const declared = { topic, epoch: at.epoch ?? '', from: at.seq + 1, to: null, recoverable: false };
      this.declared.push(declared);
      Object.assign(at, { isOver: true });
      // How many of the new epoch are lost is not told either.
      if (first < 1) fail('more merged than there were', push, at, event);
    } else this.#goesOn(at, epoch, first - (lost ?? 0) + at.open, push);
    if (lost) this.declared.push({ topic, epoch, from: first - lost, to: first - 1, recoverable: false });
    if (at.open === 0) this.#hidesNothing(event, first, push);
    Object.assign(at, { epoch, seq, isExact: true, open: 0, isOver: false });
  }

  /** What comes next begins with event `from` of `epoch`: nothing before it is missing, and nothing came already. */
  #goesOn(at: Standing, epoch: string, from: number, frame: unknown): void {
    if (epoch === at.epoch && !at.isOver) {
      const isNext = at.isExact ? from === at.seq + 1 : from <= at.seq + 1;
      if (!isNext) fail('what came before is not followed', frame, at);
    } else if (at.isExact) {
      if (at.epoch !== null && epoch <= at.epoch) fail('an epoch that is over', frame, at);
      if (from !== 1) fail('a new epoch that does not begin at its beginning', frame, at);
      // That there were events in an epoch of which it saw none, nobody may be able to tell.
      const isSilent = at.seq > 0 || this.#isKept(at.epoch, 1);
      if (!at.isOver && isSilent) fail('a new epoch without a word on the end of the one before', frame, at);
    }
  }

  #isKept(epoch: string | null, seq: number): boolean {
    const { published, forgotten } = this.#redis;
    return published.some((event) => event.epoch === epoch && event.seq === seq && !forgotten.has(event));
  }

  /** Whatever has been merged into the event, it says. */
  #hidesNothing(event: PublishedEvent, first: number, push: unknown): void {
    const { channel, key } = event.id;
    const run = this.#redis.published.filter(
      (one) => one.id.channel === channel && one.id.key === key && one.epoch === event.epoch && one.seq <= event.seq,
    );
    if (channel === 'alerts' && first !== event.seq) fail('a merged alert', push);
    if (channel === 'agent_status') {
      const changes = run.filter(({ keep, seq }) => keep && seq >= first);
      if (changes.length > 1) fail('a change of status merged away', push, changes);
    }
    if (channel === 'backtest_progress') {
      const finals = run.filter(({ keep, seq }) => keep && seq >= first && seq < event.seq);
      if (finals.length > 0) fail('a final status merged away', push, finals);
    }
  }

  /** A stream that is new begins at its beginning; but without answers a client can't tell whether it is. */
  #standing(topic: string): Standing {
    let at = this.standings.get(topic);
    if (!at) {
      at = { epoch: null, seq: 0, isExact: this.#isOptedIn && this.#covers(topic), open: 0, isOver: false };
      this.standings.set(topic, at);
    }
    return at;
  }
}

function fail(what: string, ...details: unknown[]): never {
  const show = (_: string, value: unknown) => (Buffer.isBuffer(value) ? value.toString() : value);
  throw new Error([what, ...details.map((detail) => JSON.stringify(detail, show))].join('\n'));
}
