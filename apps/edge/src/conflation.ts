import type { Flushable, FlushSchedule } from './flush-schedule.ts';
import { Pace } from './pace.ts';
import type { Delivery, Hole } from './stream.ts';

/** A frame outside numbering, from a plain PUBLISH. */
export interface RawDelivery {
  frame: Buffer;
  conflated: number;
}

/** Where a stream's frames go when their moment has come. */
export interface ConflationSink {
  deliver(delivery: Delivery): void;
  deliverRaw(delivery: RawDelivery): void;
}

/** Latest wins: the first frame after a quiet spell goes at once, the last of a burst always goes. */
export class Conflation implements Flushable {
  readonly #schedule: FlushSchedule;
  readonly #sink: ConflationSink;
  readonly #pace: Pace;
  #numbered: Delivery | null = null;
  #raw: RawDelivery | null = null;
  /** Of two waiting frames the one that waited first goes first, so neither kind starves the other. */
  #rawFirst = false;
  #scheduled = false;

  /** @param rate frames in any second */
  constructor(rate: number, schedule: FlushSchedule, sink: ConflationSink) {
    this.#pace = new Pace(rate);
    this.#schedule = schedule;
    this.#sink = sink;
  }

  get dueAt(): number {
    return this.#pace.dueAt;
  }

  offer(delivery: Delivery): void {
    this.#pace.arrived(this.#schedule.now(), this.#numbered !== null);
    this.#numbered = this.#numbered ? merge(this.#numbered, delivery) : delivery;
    this.#arrange();
  }

  offerRaw(frame: Buffer): void {
    this.#pace.arrived(this.#schedule.now(), this.#raw !== null);
    if (this.#raw) this.#raw = { frame, conflated: this.#raw.conflated + 1 };
    else {
      this.#raw = { frame, conflated: 0 };
      this.#rawFirst = this.#numbered === null;
    }
    this.#arrange();
  }

  /** Drops what waits: there is nobody to send it to. */
  close(): void {
    this.#numbered = null;
    this.#raw = null;
  }

  /** Sends one waiting frame, if its moment has not been put off meanwhile. */
  flush(now: number): void {
    this.#scheduled = false;
    if (now >= this.dueAt) this.#send(now);
    if (this.#raw || this.#numbered) this.#arrange();
  }

  #arrange(): void {
    if (this.#scheduled) return;
    const now = this.#schedule.now();
    if (now >= this.dueAt) this.#send(now);
    if (!this.#raw && !this.#numbered) return;
    this.#scheduled = true;
    this.#schedule.add(this);
  }

  #send(now: number): void {
    const raw = this.#raw;
    const numbered = this.#numbered;
    this.#pace.sent(now);
    if (raw && (this.#rawFirst || !numbered)) {
      this.#raw = null;
      this.#sink.deliverRaw(raw);
    } else if (numbered) {
      this.#numbered = null;
      this.#rawFirst = true;
      this.#sink.deliver(numbered);
    }
  }
}

/** The newer delivery, standing for the older one as well. */
export function merge(older: Delivery, newer: Delivery): Delivery {
  if (older.event.epoch === newer.event.epoch) {
    return {
      event: newer.event,
      conflated: newer.conflated + older.conflated + 1,
      holes: [...older.holes, ...newer.holes],
    };
  }
  // Across a change of epoch nothing can be counted: the newer event's hole takes in the older one, which nobody got, and
  // all that it stood for.
  const { epoch, seq } = older.event;
  const isWithin = (hole: Hole) => hole.epoch === epoch && hole.to !== null;
  const lost = older.holes.filter(isWithin).reduce((sum, { from, to }) => sum + (to ?? from) - from + 1, 0);
  const widened = newer.holes.map((hole) =>
    hole.epoch === epoch ? { ...hole, from: seq - older.conflated - lost } : hole,
  );
  const before = older.holes.filter((hole) => !isWithin(hole));
  return { event: newer.event, conflated: newer.conflated, holes: [...before, ...widened] };
}
