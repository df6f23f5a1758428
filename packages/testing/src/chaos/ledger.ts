import type { PublishedStream } from './published.ts';

export type ViolationKind =
  /** Published, and neither delivered nor merged nor declared. */
  | 'loss'
  | 'duplicate'
  | 'disorder'
  /** A `gap`, `lost` or `conflated` that says something else than what happened. */
  | 'misdeclared'
  /** A change of status or a final status that was merged away. */
  | 'merged'
  /** An event that nobody published. */
  | 'phantom';

export type Report = (kind: ViolationKind, detail: string) => void;

/** Where a client stands in a stream. `epoch` is null where the client was not told its name. */
export interface Position {
  epoch: string | null;
  seq: number;
}

export interface Push {
  seq: number;
  n: number;
  snapshot: boolean;
  conflated: number;
  /** Only for clients that did not opt in: events lost before this one; null for a change of epoch, undefined for none. */
  lost?: number | null;
}

export interface Gap {
  epoch: string;
  from: number;
  to: number | null;
  recoverable: boolean;
}

/** All that must be put back when a client resumes from an earlier position. */
interface State {
  position: Position | null;
  /** `n` of the last event; null where the account begins and nothing has come yet. */
  lastN: number | null;
  /** Events up to this `n` were under way when the account began: they may come, and need not. */
  floorN: number;
  /** Events declared lost since the last one delivered. */
  declared: number;
  /** Epochs declared over since the last event delivered. */
  ends: number;
}

/** Two events delivered one after the other; checked against the publisher once it knows what became of both. */
interface Step {
  from: number | null;
  floorN: number;
  to: number;
  merged: number;
  accounted: number;
  ends: number;
}

const REMEMBERED = 64;

/**
 * The account of one stream with one client, over all its connections. It is kept twice: by the server's numbers, as a
 * client would (`seq - conflated` follows what it had, or a `gap` says why not), and by the publisher's own count.
 */
export class Ledger {
  readonly #stream: PublishedStream;
  readonly #report: Report;
  #state: State = { position: null, lastN: null, floorN: 0, declared: 0, ends: 0 };
  /** The last state whose position has a name: what `since` is made of. */
  #named: State | null = null;
  /** The state before the last gap that can still be filled. */
  #beforeGap: State | null = null;
  /** Where the answer to a `since` says that the subscription stands, until the next frame. */
  #answer: Position | null = null;
  #open = false;
  #recent: number[] = [];
  #steps: Step[] = [];

  constructor(stream: PublishedStream, report: Report) {
    this.#stream = stream;
    this.#report = report;
  }

  get position(): Readonly<Position> | null {
    return this.#state.position;
  }

  /** Whether the client is subscribed now. */
  get open(): boolean {
    return this.#open;
  }

  /** What to resume from; null where the client never knew the epoch. */
  get since(): { epoch: string; seq: number } | null {
    return nameOf(this.#named);
  }

  /** What to ask for to fill the last recoverable gap. */
  get refill(): { epoch: string; seq: number } | null {
    return nameOf(this.#beforeGap);
  }

  /**
   * A subscription begins without a past.
   *
   * @param position null: the first frame will tell
   * @param floorN what was published after this event is due; with Infinity, what comes after the first frame
   */
  begin(position: Position | null, floorN: number): void {
    this.#state = { position, lastN: null, floorN, declared: 0, ends: 0 };
    this.#named = nameOf(this.#state) && copy(this.#state);
    this.#beforeGap = null;
    this.#continue(null);
  }

  /** A subscription goes on from a position that `since` or `refill` gave. */
  resume(since: { epoch: string; seq: number }, answer: Position): void {
    const state = [this.#named, this.#beforeGap].find(
      (known) => known?.position?.epoch === since.epoch && known.position.seq === since.seq,
    );
    if (!state) throw new Error(`${this.#stream.name}: never was at ${since.epoch} ${since.seq}`);
    this.#state = copy(state);
    this.#named = copy(state);
    this.#beforeGap = null;
    this.#continue(answer);
  }

  /** The answer to a `subscribe` without `since` on a standing subscription names the epoch. */
  learn(answer: Position): void {
    const { position } = this.#state;
    if (position?.epoch !== null || position.seq !== answer.seq || answer.epoch === null) return;
    position.epoch = answer.epoch;
    this.#named = copy(this.#state);
  }

  /** The connection ended, or the subscription was given up. */
  end(): void {
    this.#open = false;
  }

  push(push: Push): void {
    if (!this.#stream.isPossible(push.n)) {
      this.#report('phantom', `event n=${push.n} was never published`);
      return;
    }
    this.#answer = null;
    if (push.snapshot) this.#snapshot(push);
    else this.#count(push);
  }

  gap({ epoch, from, to, recoverable }: Gap): void {
    const state = this.#state;
    const before = copy(state);
    const { position } = state;
    let counted = from;
    if (position) {
      if (position.epoch !== null && position.epoch !== epoch) {
        this.#report('misdeclared', `a gap of epoch ${epoch} while the stream is at ${show(position)}`);
      }
      if (from > position.seq + 1) {
        this.#report('loss', `a gap from ${from} at ${show(position)}: what lies between is not accounted for`);
      } else if (from <= position.seq) {
        this.#report('misdeclared', `a gap from ${from} at ${show(position)}: it was delivered`);
      }
      counted = Math.max(from, position.seq + 1);
    }
    if (to === null) {
      state.ends += 1;
      state.position = { epoch: null, seq: 0 };
      const answer = this.#answer;
      if (answer && answer.epoch !== epoch && this.#stream.channel !== 'alerts') {
        // The subscription goes on from where the answer said; what was published of the new epoch before is not due.
        this.#state = { position: { ...answer }, lastN: null, floorN: this.#stream.sent, declared: 0, ends: 0 };
        this.#named = copy(this.#state);
      }
    } else {
      if (to < from) this.#report('misdeclared', `a gap from ${from} to ${to}`);
      state.declared += Math.max(0, to - counted + 1);
      state.position = { epoch, seq: Math.max(to, position?.seq ?? 0) };
      this.#named = copy(state);
    }
    this.#beforeGap = recoverable ? { ...before, position: { epoch, seq: from - 1 } } : null;
    this.#answer = null;
  }

  /** Holds what was delivered against what the publisher knows by now. */
  settle(): void {
    const { settled } = this.#stream;
    const ready = this.#steps.filter(({ to }) => to <= settled);
    if (ready.length === 0) return;
    this.#steps = this.#steps.filter(({ to }) => to > settled);
    for (const step of ready) this.#check(step);
  }

  /** Published events that have not reached the client, nor were declared lost; none when it has all. */
  behind(): number {
    const { lastN, floorN, declared, ends } = this.#state;
    const stream = this.#stream;
    const last = stream.lastSure;
    let from = lastN ?? floorN;
    if (ends > 0) from = Math.max(from, stream.lastOfEarlierEras);
    if (last <= from) return 0;
    return Math.max(0, stream.between(from, last + 1).sure - declared);
  }

  #continue(answer: Position | null): void {
    this.#open = true;
    this.#answer = answer;
  }

  #snapshot({ seq, n }: Push): void {
    const state = this.#state;
    const { position } = state;
    if (this.#stream.channel === 'alerts') this.#report('misdeclared', `alert ${seq} as a snapshot`);
    if (position && position.seq !== seq) {
      this.#report(seq > position.seq ? 'loss' : 'disorder', `a snapshot of event ${seq} at ${show(position)}`);
    }
    // The next push has to follow this event, whatever came before.
    state.position = { epoch: position?.epoch ?? null, seq };
    if (state.lastN !== null) return;
    // The account stands exactly here, whatever was said of what came before.
    Object.assign(state, { lastN: n, declared: 0, ends: 0 });
    if (state.position.epoch !== null) this.#named = copy(state);
  }

  #count({ seq, n, conflated, lost }: Push): void {
    const state = this.#state;
    if (lost === null) {
      state.ends += 1;
      state.position = null;
    } else state.declared += lost ?? 0;
    this.#follow(state.position, seq, seq - conflated - (lost ?? 0));
    if (this.#stream.channel === 'alerts' && conflated > 0) {
      this.#report('merged', `alert ${seq} says that ${conflated} were merged into it`);
    }
    if (state.lastN !== null && n <= state.lastN) {
      const kind = this.#recent.includes(n) ? 'duplicate' : 'disorder';
      this.#report(kind, `event n=${n} (seq ${seq}) after n=${state.lastN}`);
    } else {
      const { lastN: from, floorN, declared, ends } = state;
      const accounted = conflated + declared;
      this.#steps.push({ from, floorN, to: n, merged: conflated, accounted, ends });
    }
    this.#recent.push(n);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    state.lastN = Math.max(n, state.lastN ?? 0);
    state.declared = 0;
    state.ends = 0;
    state.position = { epoch: state.position?.epoch ?? null, seq };
    if (state.position.epoch !== null) this.#named = copy(state);
  }

  /** Checks a push's number against the position. */
  #follow(position: Position | null, seq: number, first: number): void {
    if (!position || first === position.seq + 1) return;
    const what = `push ${seq}, which begins with event ${first}, at ${show(position)}`;
    if (first > position.seq + 1) this.#report('loss', what);
    else if (seq > position.seq) this.#report('misdeclared', what);
    else this.#report('disorder', what);
  }

  #check({ from, floorN, to, merged, accounted, ends }: Step): void {
    const stream = this.#stream;
    // Nothing that was under way when the account began is due.
    const { sure, unknown } = stream.between(from ?? Math.min(floorN, to - 1), to);
    const steps = `between n=${from ?? `(${floorN})`} and n=${to}`;
    if (ends === 0) {
      if (sure > accounted) this.#report('loss', `${sure} published ${steps}, ${accounted} accounted for`);
      if (from !== null && accounted > sure + unknown) {
        this.#report('misdeclared', `${sure} published ${steps} (and perhaps ${unknown}), ${accounted} accounted for`);
      }
    } else if (from !== null && !stream.mayHaveBegunAnew(from, to)) {
      this.#report('misdeclared', `an epoch declared over ${steps}, though the numbering went on`);
    }
    if (from === null || merged === 0 || ends > 0 || accounted > merged) return;
    if (stream.channel === 'agent_status' && stream.changes(from, to) > 1) {
      this.#report('merged', `${stream.changes(from, to)} changes of status ${steps} in one push`);
    }
    if (stream.channel === 'backtest_progress' && stream.terminals(from, to) > 0) {
      this.#report('merged', `a final status ${steps} merged away`);
    }
  }
}

function copy(state: State): State {
  return { ...state, position: state.position && { ...state.position } };
}

function nameOf(state: State | null): { epoch: string; seq: number } | null {
  const { epoch = null, seq = 0 } = state?.position ?? {};
  return epoch === null ? null : { epoch, seq };
}

function show({ epoch, seq }: Position): string {
  return `${epoch ?? 'an epoch without a name'} ${seq}`;
}
