import type { NumberedEvent } from '@tickcast/backplane';
import type { StreamId } from '@tickcast/protocol';
import { streamTopic } from './topics.ts';

/** A place in a stream's numbering: behind event `seq` of `epoch`. */
export interface Position {
  epoch: string;
  seq: number;
}

/** Whether an epoch began before another, by the clock of their Redis. */
export function isEarlier(epoch: string, other: string): boolean {
  return startOf(epoch) < startOf(other);
}

/** Microseconds by the clock of its Redis. */
function startOf(epoch: string): number {
  return Number.parseInt(epoch, 10);
}

/** How long Redis keeps a stream that was opened and never published to. */
const UNUSED_MS = 60_000;

/**
 * Whether an epoch of which nothing was seen may have had events. One that was never used is forgotten a minute after it was
 * last opened, and the next begins in the same run of Redis, which the end of its name tells.
 */
function mayHaveBeenUsed(epoch: string, next: string): boolean {
  const livedMs = (startOf(next) - startOf(epoch)) / 1000;
  return livedMs < UNUSED_MS || epoch.split('-')[1] !== next.split('-')[1];
}

/** What stands between a stream's last accepted event and a new one. */
export interface Hole {
  /** Where the missing events were: the epoch they belong to and the first missing number. */
  epoch: string;
  from: number;
  /** null: the last one can't be known (the numbering began anew). */
  to: number | null;
  /** Redis could not be read: the log may still have them. */
  recoverable?: true;
}

/** One event on its way out, with what it stands for. */
export interface Delivery {
  event: NumberedEvent;
  /** Older events merged into this one. */
  conflated: number;
  /** Events that neither this frame nor an earlier one stands for. */
  holes: readonly Hole[];
}

/** A stream's numbering as this node, or a client that is being brought up to date, has seen it. */
export class Stream {
  readonly id: StreamId;
  readonly topic: string;
  readonly since: number;
  epoch: string | null = null;
  /** Last number accepted in `epoch`; 0 before the first. */
  seq = 0;
  /** The last numbered event this node delivered: what a new subscriber's snapshot shows. */
  delivered: NumberedEvent | null = null;
  /** Where the numbering stood after it: the next push goes on from there. */
  deliveredTo: Position | null = null;
  /** The last event accepted says all that those after this number said; they may be merged into it. */
  standsFrom = 0;
  /** Last number known, or feared, to be of an event that later ones must not hide. */
  #keptAt = 0;
  /** Moment of the last push, on the connections' clock; counts as activity of every subscriber. */
  pushedAt = Number.NEGATIVE_INFINITY;

  /** @param since moment of its first sight, on the connections' clock */
  constructor(id: StreamId, since: number) {
    this.since = since;
    this.id = id;
    this.topic = streamTopic(id.channel, id.key);
  }

  /** Starts from what Redis holds, as if it had been delivered. */
  startFrom({ epoch, seq }: Position, last: NumberedEvent | null, standsFrom = Math.max(0, seq - 1)): void {
    this.epoch = epoch;
    this.seq = seq;
    this.delivered = last;
    this.deliveredTo = { epoch, seq };
    this.standsFrom = standsFrom;
    this.#keptAt = this.id.channel === 'backtest_progress' && !last?.keep ? standsFrom : seq;
  }

  /** Notes what was pushed. */
  pushed(event: NumberedEvent): void {
    this.delivered = event;
    this.deliveredTo = { epoch: event.epoch, seq: event.seq };
  }

  /** Whether Redis may know more of what stands between the last event and this one. */
  mayBeHealed(event: NumberedEvent): boolean {
    const { channel } = this.id;
    if (channel === 'market_data') return false;
    if (event.epoch === this.epoch && event.seq <= this.seq + 1) return false;
    const holes = this.holesBefore(event, event.seq - 1);
    // The log also holds the end of an epoch that is over, or all of it; a last value says nothing of it.
    if (channel === 'alerts') return holes.length > 0 || (this.epoch !== null && this.epoch !== event.epoch);
    return holes.some(({ to }) => to !== null);
  }

  /**
   * Accepts the next event, or returns null for one that was seen already.
   * @param standsFrom the event says all that those after this number said
   */
  accept(event: NumberedEvent, standsFrom = this.#mergeableFrom(event)): Delivery | null {
    if (event.epoch === this.epoch && event.seq <= this.seq) return null;
    const holes = this.holesBefore(event, standsFrom);
    const before = event.epoch === this.epoch ? this.seq : 0;
    const missing = event.seq - 1 - before;
    const conflated = holes.some(({ epoch }) => epoch === event.epoch) ? 0 : missing;
    this.#noteKept(event, before, missing > 0 ? standsFrom : null);
    this.epoch = event.epoch;
    this.seq = event.seq;
    return { event, conflated, holes };
  }

  /** What is missing before an event that stands for those after `standsFrom`. */
  holesBefore(event: NumberedEvent, standsFrom: number): Hole[] {
    const holes: Hole[] = [];
    let before = this.seq;
    if (event.epoch !== this.epoch) {
      if (this.epoch !== null && (this.seq > 0 || mayHaveBeenUsed(this.epoch, event.epoch))) {
        holes.push({ epoch: this.epoch, from: this.seq + 1, to: null });
      }
      before = 0;
    }
    if (event.seq - 1 > before && standsFrom > before) {
      holes.push({ epoch: event.epoch, from: before + 1, to: event.seq - 1 });
    }
    return holes;
  }

  /** The newest quote says all. Of agents, backtests and alerts any event may have said what must not be merged away. */
  #mergeableFrom({ seq }: NumberedEvent): number {
    return this.id.channel === 'market_data' ? 0 : seq - 1;
  }

  /** @param standsFrom of an event that others were missing before, else null */
  #noteKept(event: NumberedEvent, before: number, standsFrom: number | null): void {
    if (before === 0) this.#keptAt = 0;
    switch (this.id.channel) {
      case 'market_data':
        this.standsFrom = 0;
        return;
      case 'agent_status':
        // One change of status shows in the last value; it is the one before that a merge would hide.
        if (standsFrom !== null) this.standsFrom = standsFrom;
        else if (event.keep) this.standsFrom = this.#keptAt;
        if (event.keep || standsFrom !== null) this.#keptAt = event.seq;
        return;
      case 'backtest_progress':
        this.#keptAt = Math.max(this.#keptAt, standsFrom ?? 0);
        this.standsFrom = this.#keptAt;
        if (event.keep) this.#keptAt = event.seq;
        return;
      case 'alerts':
        this.standsFrom = event.seq - 1;
    }
  }
}
