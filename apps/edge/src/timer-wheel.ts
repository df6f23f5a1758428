const TICK_MS = 1000;
const SLOTS = 64;
/** A tick this late means that the process did not run (SIGSTOP, a suspended VM), not that clients were silent. */
const STALL_MS = 1500;

/**
 * One timer for all connections: items are looked at in turns of a second, up to a minute ahead, so a thousand
 * connections cost no timers of their own.
 *
 * Its clock stands still while the process does: a node that was stopped must not take its own silence for the clients'.
 */
export class TimerWheel<Item extends object> {
  readonly #slots: Set<Item>[] = Array.from({ length: SLOTS }, () => new Set<Item>());
  readonly #slotOf = new WeakMap<Item, number>();
  readonly #onDue: (item: Item) => void;
  #timer: NodeJS.Timeout | null = null;
  #position = 0;
  #lastTick = 0;
  #stalledMs = 0;

  constructor(onDue: (item: Item) => void) {
    this.#onDue = onDue;
  }

  /**
   * Milliseconds this process has been running, on a monotonic clock. What sockets brought during a stall is handled before
   * the tick that notices it, so the clock stops by itself there: a moment from ahead of it would look like the future.
   */
  now(): number {
    return Math.min(performance.now(), this.#lastTick + TICK_MS + STALL_MS) - this.#stalledMs;
  }

  start(): void {
    this.#lastTick = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
  }

  /** Has the item looked at after about `delayMs`, up to a turn early; replaces its earlier appointment. */
  schedule(item: Item, delayMs: number): void {
    this.remove(item);
    const turns = Math.min(SLOTS - 1, Math.max(1, Math.ceil(delayMs / TICK_MS)));
    const slot = (this.#position + turns) % SLOTS;
    this.#slots[slot]?.add(item);
    this.#slotOf.set(item, slot);
  }

  remove(item: Item): void {
    const slot = this.#slotOf.get(item);
    if (slot !== undefined) this.#slots[slot]?.delete(item);
    this.#slotOf.delete(item);
  }

  #tick(): void {
    const elapsed = performance.now() - this.#lastTick;
    this.#lastTick += elapsed;
    this.#stalledMs += Math.max(0, elapsed - TICK_MS - STALL_MS);
    this.#position = (this.#position + 1) % SLOTS;
    const due = this.#slots[this.#position];
    if (!due || due.size === 0) return;
    this.#slots[this.#position] = new Set();
    for (const item of due) {
      this.#slotOf.delete(item);
      this.#onDue(item);
    }
  }
}
