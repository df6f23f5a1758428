import type { Delivery, Hole } from './stream.ts';

/**
 * The interval is an eighth longer than 1/rate. A client counts frames by their arrival, and its snapshot is one of
 * them: without the margin, jitter on the way would put an 11th frame into some second.
 */
const MARGIN = 1.12;
/** Streams due within this time go out together: frames of one turn reach a socket in one write. */
const TOGETHER_MS = 4;

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

/** Latest wins, one frame an interval: the first after a quiet spell goes at once, the last of a burst always goes. */
export class Conflation {
  readonly #schedule: FlushSchedule;
  readonly #sink: ConflationSink;
  #numbered: Delivery | null = null;
  #raw: RawDelivery | null = null;
  /** Of two waiting frames the one that waited first goes first, so neither kind starves the other. */
  #rawFirst = false;
  #waiting = false;
  nextAt = Number.NEGATIVE_INFINITY;

  constructor(schedule: FlushSchedule, sink: ConflationSink) {
    this.#schedule = schedule;
    this.#sink = sink;
  }

  offer(delivery: Delivery): void {
    this.#numbered = this.#numbered ? merge(this.#numbered, delivery) : delivery;
    this.#arrange();
  }

  offerRaw(frame: Buffer): void {
    if (this.#raw) this.#raw = { frame, conflated: this.#raw.conflated + 1 };
    else {
      this.#raw = { frame, conflated: 0 };
      this.#rawFirst = this.#numbered === null;
    }
    this.#arrange();
  }

  /** Sends one waiting frame. */
  flush(now: number): void {
    this.#waiting = false;
    this.nextAt = now + this.#schedule.intervalMs;
    const raw = this.#raw;
    const numbered = this.#numbered;
    if (raw && (this.#rawFirst || !numbered)) {
      this.#raw = null;
      this.#sink.deliverRaw(raw);
    } else if (numbered) {
      this.#numbered = null;
      this.#rawFirst = true;
      this.#sink.deliver(numbered);
    }
    if (this.#raw || this.#numbered) this.#arrange();
  }

  #arrange(): void {
    if (this.#waiting) return;
    const now = this.#schedule.now();
    if (now >= this.nextAt) {
      this.flush(now);
      return;
    }
    this.#waiting = true;
    this.#schedule.add(this);
  }
}

function merge(older: Delivery, newer: Delivery): Delivery {
  const holes: Hole[] = [...older.holes, ...newer.holes];
  // Across a change of epoch nothing is counted: the newer event declares the hole, whose size can't be known.
  const conflated = older.event.epoch === newer.event.epoch ? older.conflated + 1 + newer.conflated : newer.conflated;
  return { event: newer.event, conflated, holes };
}

/**
 * Wakes conflated streams when they are due. Moments are rounded up to slots of a few milliseconds, so that streams due
 * at nearly the same time go out in one turn, which the engine writes to each socket at once.
 */
export class FlushSchedule {
  readonly intervalMs: number;
  readonly now: () => number;
  readonly #slotMs: number;
  readonly #slots = new Map<number, Conflation[]>();
  #timer: NodeJS.Timeout | null = null;
  #armedFor = Number.POSITIVE_INFINITY;

  /** @param rate frames a second and stream */
  constructor(rate: number, now: () => number = () => performance.now()) {
    this.intervalMs = (1000 / rate) * MARGIN;
    this.#slotMs = Math.min(TOGETHER_MS, this.intervalMs / 8);
    this.now = now;
  }

  add(stream: Conflation): void {
    const slot = Math.ceil(stream.nextAt / this.#slotMs);
    const streams = this.#slots.get(slot);
    if (streams) streams.push(stream);
    else this.#slots.set(slot, [stream]);
    if (slot < this.#armedFor) this.#arm(slot);
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#slots.clear();
  }

  #arm(slot: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#armedFor = slot;
    this.#timer = setTimeout(() => this.#run(), Math.max(0, slot * this.#slotMs - this.now()));
  }

  #run(): void {
    const now = this.now();
    const reached = Math.floor(now / this.#slotMs);
    this.#armedFor = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    // At most an interval's worth of slots is ever in use.
    for (const [slot, streams] of this.#slots) {
      if (slot > reached) {
        next = Math.min(next, slot);
        continue;
      }
      this.#slots.delete(slot);
      for (const stream of streams) stream.flush(now);
    }
    if (next < this.#armedFor) this.#arm(next);
  }
}
