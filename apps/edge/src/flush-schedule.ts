import type { WriteWindow } from './write-window.ts';

/** Spaced streams due within this time go out together even where no window is open: one turn's frames reach a socket in one write. */
const SLOT_MS = 4;
/** More than moments are rounded by. */
const BEFORE_END_MS = 0.02;

/** Something that has frames waiting for their moment. */
export interface Flushable {
  /** @param at the moment that counts as now @param now the true one */
  flush(at: number, now: number): void;
}

/** Wakes waiting streams when they are due: those of one window, or of one slot of a few milliseconds, in one turn. */
export class FlushSchedule {
  readonly window: WriteWindow;
  readonly #clock: () => number;
  readonly #slots = new Map<number, Flushable[]>();
  #timer: NodeJS.Timeout | null = null;
  #armedFor = Number.POSITIVE_INFINITY;
  #turns = 0;
  /** What reads no more until its window ends. */
  readonly #resting = new Set<() => void>();
  #restsUntil = Number.POSITIVE_INFINITY;
  /** What is read at the end of a window came before it: until all of that is read this is the moment. */
  #readingAt: number | null = null;

  constructor(window: WriteWindow, clock: () => number = () => performance.now()) {
    this.window = window;
    this.#clock = clock;
  }

  /** When what comes now came, ms. */
  now(): number {
    return this.#readingAt ?? this.#clock();
  }

  /** Has `resume` called when this window ends: what is read in that turn of the loop leaves with it. */
  rest(resume: () => void): void {
    if (this.#resting.size === 0) this.#restsUntil = this.window.endOf(this.#clock());
    this.#resting.add(resume);
    if (this.#restsUntil < this.#armedFor) this.#arm(this.#restsUntil);
  }

  /** Has the stream flushed at that moment. @param isSpaced it may be up to a slot later */
  add(stream: Flushable, moment: number, isSpaced = false): void {
    const at = isSpaced && this.window.ms === 0 ? Math.ceil(moment / SLOT_MS) * SLOT_MS : moment;
    const streams = this.#slots.get(at);
    if (streams) streams.push(stream);
    else this.#slots.set(at, [stream]);
    if (at < this.#armedFor) this.#arm(at);
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#slots.clear();
    for (const resume of this.#resting) resume();
    this.#resting.clear();
    this.#restsUntil = Number.POSITIVE_INFINITY;
  }

  #arm(at: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#armedFor = at;
    if (at < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#run(), Math.ceil(at - this.#clock()));
  }

  #run(): void {
    const now = this.#clock();
    if (now < this.#restsUntil) {
      this.#flush(now);
      return;
    }
    this.#readingAt = this.window.lastEnd(now) - BEFORE_END_MS;
    this.#restsUntil = Number.POSITIVE_INFINITY;
    const resting = [...this.#resting];
    this.#resting.clear();
    for (const resume of resting) resume();
    // Sockets are read after timers and before immediates.
    setImmediate(() => {
      this.#readingAt = null;
      this.#flush(this.#clock());
    });
  }

  #flush(now: number): void {
    const due: Array<[at: number, streams: Flushable[]]> = [];
    let next = this.#restsUntil;
    // No stream waits much longer than a second, so the slots in use are few.
    for (const [at, streams] of this.#slots) {
      if (at > now) next = Math.min(next, at);
      else {
        this.#slots.delete(at);
        due.push([at, streams]);
      }
    }
    this.#arm(next);
    // A timer may be early by a fraction of a millisecond.
    if (due.length === 0) return;
    this.#turns += 1;
    const moment = this.window.lastEnd(now);
    due.sort(([a], [b]) => a - b);
    for (const [, streams] of due) {
      // Each time another stream is the first of them: its frames are the first that the sockets get.
      const first = this.#turns % streams.length;
      for (let index = 0; index < streams.length; index += 1) {
        streams[(first + index) % streams.length]?.flush(moment, now);
      }
    }
    this.window.judge(now);
    if (this.window.ms === 0) return;
    const [dueAt = now] = due[0] ?? [];
    // The engine writes when this turn ends, or before the next one waits for the network: before the next immediates.
    setImmediate(() => {
      const written = this.#clock();
      this.window.wrote(written, written - dueAt);
    });
  }
}
