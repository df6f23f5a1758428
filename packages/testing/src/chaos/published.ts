/** The four channels, as the wire names them. */
export type ChannelName = 'market_data' | 'agent_status' | 'backtest_progress' | 'alerts';

const TERMINAL = new Set(['completed', 'failed', 'cancelled']);
const PENDING = 0;
const UNKNOWN = -1;
const REFUSED = -2;

/** Sums over the events 1 to n of a stream, so that any stretch of it is counted by two look-ups. */
interface Sums {
  sure: number;
  unknown: number;
  changes: number;
  terminal: number;
  /** Which run of the numbering the event is in; a new one begins where the answered numbers start again. */
  era: number;
}

/** What lies between two events of a stream, by its publisher's own count. */
export interface Stretch {
  /** Events that were certainly published. */
  sure: number;
  /** Events whose FCALL broke off: published, or not. */
  unknown: number;
}

/**
 * What one publisher knows of its stream: the independent truth that clients' frames are held against. Every event carries
 * `data.n`, which rises by one with each attempt and is never used again, so order and repetition show whatever the cluster
 * does to its own numbering.
 */
export class PublishedStream {
  readonly channel: ChannelName;
  readonly key: string | null;
  readonly #outcomes: number[] = [0];
  readonly #states: string[] = [''];
  readonly #sums: Sums[] = [{ sure: 0, unknown: 0, changes: 0, terminal: 0, era: 0 }];
  #lastSeq = 0;
  #lastState: string | null = null;

  constructor(channel: ChannelName, key: string | null) {
    this.channel = channel;
    this.key = key;
  }

  get name(): string {
    return streamName(this.channel, this.key);
  }

  /** `n` of the last event that was sent, whatever became of it. */
  get sent(): number {
    return this.#outcomes.length - 1;
  }

  /** Up to this `n` it is known what became of every event. */
  get settled(): number {
    return this.#sums.length - 1;
  }

  /** `n` of the last event that was certainly published, 0 for none. */
  get lastSure(): number {
    for (let n = this.settled; n > 0; n--) if (this.isSure(n)) return n;
    return 0;
  }

  /** @param state `status` of agents and backtests, of which no change, no final one, may be merged away */
  send(state = ''): number {
    this.#outcomes.push(PENDING);
    this.#states.push(state);
    return this.sent;
  }

  answered(n: number, seq: number): void {
    this.#resolve(n, seq);
  }

  /** Redis said no: it is certainly not published. */
  refused(n: number): void {
    this.#resolve(n, REFUSED);
  }

  /** The connection broke before the answer. */
  unknown(n: number): void {
    this.#resolve(n, UNKNOWN);
  }

  isSure(n: number): boolean {
    return (this.#outcomes[n] ?? 0) > 0;
  }

  /** Whether it can have been published at all. */
  isPossible(n: number): boolean {
    return n >= 1 && n <= this.sent && this.#outcomes[n] !== REFUSED;
  }

  /** Counts the events after `from` and before `to`; both at most `settled` + 1. */
  between(from: number, to: number): Stretch {
    const [low, high] = [this.#upTo(from), this.#upTo(to - 1)];
    return { sure: Math.max(0, high.sure - low.sure), unknown: Math.max(0, high.unknown - low.unknown) };
  }

  /** Changes of status from event `from` to event `to`, events of unknown fate left out. */
  changes(from: number, to: number): number {
    return this.#upTo(to).changes - this.#upTo(from).changes;
  }

  /** Events with a final status after `from` and before `to`. */
  terminals(from: number, to: number): number {
    return this.#upTo(to - 1).terminal - this.#upTo(from).terminal;
  }

  /** Whether the numbering may have begun anew after event `from`, `to` included. */
  mayHaveBegunAnew(from: number, to: number): boolean {
    return this.#upTo(to).era > this.#upTo(from).era || this.between(from, to + 1).unknown > 0;
  }

  /** The last event before the present run of the numbering; events up to it can't be had where its epoch is over. */
  get lastOfEarlierEras(): number {
    const { era } = this.#upTo(this.settled);
    let n = this.settled;
    while (n > 0 && this.#upTo(n).era === era) n -= 1;
    return n;
  }

  #upTo(n: number): Sums {
    const sums = this.#sums[n];
    if (!sums) throw new RangeError(`event ${n} of ${this.name} is not settled`);
    return sums;
  }

  #resolve(n: number, outcome: number): void {
    if (this.#outcomes[n] !== PENDING) throw new Error(`event ${n} of ${this.name} is resolved already`);
    this.#outcomes[n] = outcome;
    for (let next = this.settled + 1; next <= this.sent; next++) {
      const known = this.#outcomes[next] ?? PENDING;
      if (known === PENDING) return;
      this.#sums.push(this.#sum(next, known));
    }
  }

  #sum(n: number, outcome: number): Sums {
    const sums = { ...this.#upTo(n - 1) };
    if (outcome === UNKNOWN) sums.unknown += 1;
    if (outcome <= 0) return sums;
    const state = this.#states[n] ?? '';
    sums.sure += 1;
    if (this.#lastState !== null && state !== this.#lastState) sums.changes += 1;
    if (TERMINAL.has(state)) sums.terminal += 1;
    if (outcome <= this.#lastSeq) sums.era += 1;
    this.#lastSeq = outcome;
    this.#lastState = state;
    return sums;
  }
}

export function streamName(channel: string, key: string | null): string {
  return key === null ? channel : `${channel}:${key}`;
}
