import type { NumberedEvent } from '@tickcast/backplane';
import type { Channel, StreamId } from '@tickcast/protocol';
import { streamTopic } from './topics.ts';

/** What stands between a stream's last accepted event and a new one. */
export interface Hole {
  /** Where the missing events were: the epoch they belong to and the first missing number. */
  epoch: string;
  from: number;
  /** null: the last one can't be known (the numbering began anew). */
  to: number | null;
}

/** One event on its way out, with what it stands for. */
export interface Delivery {
  event: NumberedEvent;
  /** Older events merged into this one. */
  conflated: number;
  /** Events that neither this frame nor an earlier one stands for. */
  holes: readonly Hole[];
}

/** Streams whose newest event carries what the missing ones said; a hole in the others is a loss. */
const NEWEST_SAYS_ALL: ReadonlySet<Channel> = new Set(['market_data', 'backtest_progress']);

/** A stream's numbering as this node has seen it. */
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
  deliveredTo: { epoch: string; seq: number } | null = null;
  /** Moment of the last push, on the connections' clock; counts as activity of every subscriber. */
  pushedAt = Number.NEGATIVE_INFINITY;

  /** @param since moment of its first sight, on the connections' clock */
  constructor(id: StreamId, since: number) {
    this.since = since;
    this.id = id;
    this.topic = streamTopic(id.channel, id.key);
  }

  /** Starts from what Redis holds, as if it had been delivered. */
  startFrom({ epoch, seq }: { epoch: string; seq: number }, last: NumberedEvent | null): void {
    this.epoch = epoch;
    this.seq = seq;
    this.delivered = last;
    this.deliveredTo = { epoch, seq };
  }

  /** Notes what was pushed. */
  pushed(event: NumberedEvent): void {
    this.delivered = event;
    this.deliveredTo = { epoch: event.epoch, seq: event.seq };
  }

  /** Accepts the next event, or returns null for one that was seen already. */
  accept(event: NumberedEvent): Delivery | null {
    if (event.epoch === this.epoch && event.seq <= this.seq) return null;
    const holes: Hole[] = [];
    let expected = this.seq + 1;
    if (event.epoch !== this.epoch) {
      // An epoch without a single event has nothing to lose: unused states expire in Redis.
      if (this.epoch !== null && this.seq > 0) holes.push({ epoch: this.epoch, from: this.seq + 1, to: null });
      expected = 1;
    }
    const missing = event.seq - expected;
    let conflated = 0;
    if (missing > 0 && NEWEST_SAYS_ALL.has(this.id.channel)) conflated = missing;
    else if (missing > 0) holes.push({ epoch: event.epoch, from: expected, to: event.seq - 1 });
    this.epoch = event.epoch;
    this.seq = event.seq;
    return { event, conflated, holes };
  }
}
