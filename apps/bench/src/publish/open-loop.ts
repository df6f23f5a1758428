import { setTimeout as sleep } from 'node:timers/promises';
import type { Published } from '../publisher.ts';
import { monotonicSeconds } from '../rig/clock.ts';
import type { Sink } from '../types.ts';
import { frameOf } from './frames.ts';
import { Pace } from './pace.ts';

const MS = 1000;
/** At once, so that Redis's answers are read in between. */
const MOST_IN_A_TURN = 500;

export interface OpenLoopOptions {
  topics: readonly string[];
  perSecond: number;
  total: number;
  unixOffset: number;
}

/** Publishes events at the moments of a pace, whether or not those before are confirmed. */
export class OpenLoop {
  readonly #sink: Sink;
  readonly #options: OpenLoopOptions;
  #pace: Pace | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  #confirmed = 0;
  #firstAt = 0;
  #latestMs = 0;
  #failure: Error | undefined;

  constructor(sink: Sink, options: OpenLoopOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  start(): void {
    this.#firstAt = monotonicSeconds();
    this.#pace = new Pace(this.#firstAt, this.#options.perSecond);
    this.#turn(this.#pace);
  }

  /** @throws when Redis refused an event: then nothing that is measured is true */
  mark(): Published {
    if (this.#failure) throw this.#failure;
    const latestMs = this.#latestMs;
    this.#latestMs = 0;
    return {
      sent: this.#sent,
      confirmed: this.#confirmed,
      latestMs,
      firstAt: this.#firstAt,
      done: this.#confirmed === this.#options.total,
    };
  }

  async stop(): Promise<Published> {
    clearTimeout(this.#timer);
    while (this.#confirmed < this.#sent && !this.#failure) await sleep(5);
    await this.#sink.close();
    return this.mark();
  }

  #turn(pace: Pace): void {
    const { topics, total, unixOffset } = this.#options;
    const due = Math.min(total, pace.dueBy(monotonicSeconds()), this.#sent + MOST_IN_A_TURN);
    for (; this.#sent < due; this.#sent += 1) {
      const now = monotonicSeconds();
      this.#latestMs = Math.max(this.#latestMs, (now - pace.moment(this.#sent)) * MS);
      const topic = topics[this.#sent % topics.length] ?? '';
      this.#sink.publish(topic, frameOf(topic, now + unixOffset, this.#sent)).then(
        () => (this.#confirmed += 1),
        (error: unknown) => (this.#failure ??= new Error(`an event was not published: ${String(error)}`)),
      );
    }
    if (this.#sent >= total) return;
    const waitMs = (pace.moment(this.#sent) - monotonicSeconds()) * MS;
    this.#timer = setTimeout(() => this.#turn(pace), Math.max(0, waitMs));
  }
}
