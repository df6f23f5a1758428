/** Streams due within this time go out together: frames of one turn reach a socket in one write. */
const SLOT_MS = 4;

/** Something that has frames waiting for their moment. */
export interface Flushable {
  readonly dueAt: number;
  flush(now: number): void;
}

/** Wakes waiting streams when they are due, those of one slot of a few milliseconds in one turn. */
export class FlushSchedule {
  readonly now: () => number;
  readonly #slots = new Map<number, Flushable[]>();
  #timer: NodeJS.Timeout | null = null;
  #armedFor = Number.POSITIVE_INFINITY;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  add(stream: Flushable): void {
    const slot = Math.ceil(stream.dueAt / SLOT_MS);
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
    this.#timer = setTimeout(() => this.#run(), Math.max(0, slot * SLOT_MS - this.now()));
  }

  #run(): void {
    const now = this.now();
    const reached = Math.floor(now / SLOT_MS);
    const due: Flushable[] = [];
    let next = Number.POSITIVE_INFINITY;
    // No stream waits much longer than a second, so the slots in use are few.
    for (const [slot, streams] of this.#slots) {
      if (slot > reached) next = Math.min(next, slot);
      else {
        this.#slots.delete(slot);
        due.push(...streams);
      }
    }
    this.#armedFor = Number.POSITIVE_INFINITY;
    if (next !== Number.POSITIVE_INFINITY) this.#arm(next);
    for (const stream of due) stream.flush(now);
  }
}
