import type { NumberedEvent } from '@tickcast/backplane';
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
  /** Takes the newest event whose frame is good, and the others for merged into it; null when none is. */
  take(events: readonly NumberedEvent[]): Delivery | null;
  deliver(delivery: Delivery): void;
  deliverRaw(delivery: RawDelivery): void;
}

/** So many events are kept unread at most. */
const MOST_UNREAD = 64;
/** A frame that leaves so much later than its window ended counts as sent when it left: this node was held up. Else, when the window ended. */
const LATE_MS = 10;

/**
 * Latest wins: the first frame after a quiet spell goes at once, the last of a burst always goes. While a window is open, what
 * may go leaves at its end; what may not goes on waiting, and is merged.
 */
export class Conflation implements Flushable {
  readonly #schedule: FlushSchedule;
  readonly #sink: ConflationSink;
  readonly #pace: Pace;
  #numbered: Delivery | null = null;
  /** Events that came after the one that waits: of them the newest alone will be read. */
  #unread: NumberedEvent[] = [];
  #raw: RawDelivery | null = null;
  /** Of two waiting frames the one that waited first goes first, so neither kind starves the other. */
  #rawFirst = false;
  #isWaiting = false;
  #waitsUntil = 0;
  /** What is decided on, and leaves at the end of the window. */
  #leaving: Array<Delivery | RawDelivery> = [];
  #leavesAt = 0;

  /** @param rate frames in any second */
  constructor(rate: number, schedule: FlushSchedule, sink: ConflationSink) {
    this.#pace = new Pace(rate);
    this.#schedule = schedule;
    this.#sink = sink;
  }

  /** Takes an event that would only take the place of one that waits, unread; false when it has to be read at once. */
  keep(event: NumberedEvent): boolean {
    if (!this.#isWaiting || !this.#numbered || !this.#pace.isFast) return false;
    const last = this.#unread.at(-1);
    // One that was sent again must not hide the newer one that came before it.
    if (last?.epoch === event.epoch && event.seq <= last.seq) this.settle();
    this.#pace.arrived(this.#schedule.now(), true, this.#schedule.window.ms);
    if (this.#unread.push(event) >= MOST_UNREAD) this.settle();
    return true;
  }

  /** Reads what is kept unread. */
  settle(): void {
    if (this.#unread.length === 0) return;
    const unread = this.#unread;
    this.#unread = [];
    const delivery = this.#sink.take(unread);
    if (delivery) this.#add(delivery);
  }

  offer(delivery: Delivery): void {
    this.settle();
    const [now, at] = this.#arrived(this.#numbered !== null);
    this.#add(delivery);
    this.#arrange(now, at);
  }

  offerRaw(frame: Buffer): void {
    const [now, at] = this.#arrived(this.#raw !== null);
    const raw = { frame, conflated: 0 };
    if (!this.#raw) this.#rawFirst = this.#numbered === null;
    this.#raw = this.#raw ? mergeRaw(this.#raw, raw) : raw;
    this.#arrange(now, at);
  }

  /** Drops what waits: there is nobody to send it to. */
  close(): void {
    this.#numbered = null;
    this.#unread = [];
    this.#raw = null;
    this.#leaving = [];
  }

  /** Sends what leaves with this window, and one waiting frame, if its moment has not been put off meanwhile. */
  flush(at: number, now: number): void {
    const { window } = this.#schedule;
    const left = this.#leave(now);
    if (!this.#isWaiting || now < this.#waitsUntil) return;
    this.#isWaiting = false;
    const moment = now - at > LATE_MS ? now : at;
    // Nothing may overtake what is leaving.
    const leavesAt = this.#leaving.length > 0 ? Math.max(moment, this.#leavesAt) : moment;
    if (this.#mayLeave(moment, leavesAt) && window.hasRoom(left)) this.#send(moment, leavesAt);
    if (this.#raw || this.#numbered) this.#wait(now);
  }

  #add(delivery: Delivery): void {
    this.#numbered = this.#numbered ? merge(this.#numbered, delivery) : delivery;
  }

  #arrived(merges: boolean): [now: number, at: number] {
    const { window } = this.#schedule;
    const now = this.#schedule.now();
    window.judge(now);
    // Whatever the window does meanwhile, nothing may overtake what is leaving.
    const at = this.#leaving.length > 0 ? Math.max(now, this.#leavesAt) : window.endOf(now);
    this.#pace.arrived(now, merges, window.ms);
    return [now, at];
  }

  #arrange(now: number, at: number): void {
    const { window } = this.#schedule;
    // The place of an event that waits for the next one is taken by it at once; else the wait goes on.
    if (this.#isWaiting && (this.#pace.isFast || window.ms > 0)) return;
    if (this.#mayLeave(now, at)) {
      if (window.hasRoom(this.#leaving.length)) this.#send(now, at);
      else this.#squeeze();
    }
    this.#isWaiting = false;
    if (this.#raw || this.#numbered) this.#wait(now);
  }

  #mayLeave(now: number, at: number): boolean {
    const { window } = this.#schedule;
    return this.#pace.mayLeave(now, at + window.toleranceFor(this.#pace.isFast), this.#leaving.length);
  }

  #wait(now: number): void {
    const { window } = this.#schedule;
    this.#isWaiting = true;
    this.#waitsUntil = Math.max(window.align(this.#pace.dueAt, this.#pace.isFast), window.endOf(now));
    this.#schedule.add(this, this.#waitsUntil, this.#pace.isFast);
  }

  #send(now: number, at: number): void {
    this.settle();
    const raw = this.#raw;
    const numbered = this.#numbered;
    this.#pace.sent(at, now);
    if (raw && (this.#rawFirst || !numbered)) {
      this.#raw = null;
      this.#go(now, at, raw);
    } else if (numbered) {
      this.#numbered = null;
      this.#rawFirst = true;
      this.#go(now, at, numbered);
    }
  }

  /** The window is full: what came takes the place of the last of its kind. */
  #squeeze(): void {
    const last = this.#leaving.findLastIndex((delivery) => ('frame' in delivery ? this.#raw : this.#numbered) !== null);
    const former = this.#leaving[last];
    if (!former) return;
    if (!('frame' in former)) {
      if (this.#numbered) this.#leaving[last] = merge(former, this.#numbered);
      this.#numbered = null;
    } else {
      if (this.#raw) this.#leaving[last] = mergeRaw(former, this.#raw);
      this.#raw = null;
    }
  }

  #go(now: number, at: number, delivery: Delivery | RawDelivery): void {
    if (at <= now && this.#leaving.length === 0) {
      this.#deliver(delivery);
      return;
    }
    this.#leaving.push(delivery);
    if (this.#leaving.length > 1) return;
    this.#leavesAt = at;
    this.#schedule.add(this, at);
  }

  #deliver(delivery: Delivery | RawDelivery): void {
    if ('frame' in delivery) this.#sink.deliverRaw(delivery);
    else this.#sink.deliver(delivery);
  }

  /** @returns how many left */
  #leave(now: number): number {
    if (this.#leaving.length === 0 || now < this.#leavesAt) return 0;
    if (now - this.#leavesAt > LATE_MS) this.#pace.postponed(this.#leavesAt, now);
    const leaving = this.#leaving;
    this.#leaving = [];
    for (const delivery of leaving) this.#deliver(delivery);
    return leaving.length;
  }
}

/** The newer frame, standing for the older one as well. */
export function mergeRaw(older: RawDelivery, newer: RawDelivery): RawDelivery {
  return { frame: newer.frame, conflated: newer.conflated + older.conflated + 1 };
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
