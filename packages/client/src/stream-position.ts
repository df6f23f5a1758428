import type { Channel, Gap, Push } from './generated/protocol.ts';

/** The last event of one stream that the application has, or was told to be lost. */
export interface Since {
  epoch: string;
  seq: number;
}

/** Events that the application will not get. */
export interface LostEvents {
  channel: Channel;
  key: string | null;
  /** In which `from` and `to` count; null where its name is not known. */
  epoch: string | null;
  from: number | null;
  /** Null where the end can't be known: the epoch is over. */
  to: number | null;
  recoverable: boolean;
  /** Whether the server said it; false for what the client found out by itself. */
  declared: boolean;
  /** How many; null where that can't be known. */
  lost: number | null;
}

/** What is to be done about a frame; several in this order. */
export type Outcome =
  | { type: 'deliver'; frame: Push; epoch: string | null }
  | { type: 'gap'; gap: LostEvents }
  /** Subscribe to this stream again, with or without `since`. */
  | { type: 'ask'; since: Since | null; afterMs: number };

/** What the reply to a subscription says of one stream. */
interface Standing {
  epoch: string | null;
  seq: number | null;
}

const ASK_AGAIN_MS = 250;

/**
 * Where the application stands in one stream, over all connections of its client: what it has already, what is missing, and
 * from where to go on. The rules are those of CLIENTS.md, section 5; its cases are in `conformance/clients/positions.json`.
 */
export class StreamPosition {
  readonly #channel: Channel;
  readonly #key: string | null;
  /** Whether there is a subscription to this very stream, whose replies name its epoch; false for one to all streams. */
  named: boolean;
  #epoch: string | null = null;
  /** Null: whatever comes next is where it begins. */
  #seq: number | null = null;
  /** Whether the application has the event at `#seq`, and was not only told of it. */
  #has = false;
  #publishedAt = 0;
  /** Until the reply, everything that comes will come again. */
  #healing = false;
  /** The hole that was already asked for. */
  #healedAt: number | null = null;
  /** A reply that names the epoch is on its way. */
  #asking = false;
  /** The last event came of a replay: the reply may tell of a later epoch, so the number has to match twice. */
  #replaying = false;
  #matched: number | null = null;
  /** The epoch in which the stream goes on, as the last reply said, when the one asked for is over. */
  #nextEpoch: string | null = null;
  /** The last position with a name, while the epoch has none. */
  #ended: Since | null = null;
  /** What was delivered meanwhile. */
  readonly #unnamed = new Set<string>();
  /** The last epoch whose end the application was told. */
  #over: string | null = null;
  /** After coming back without `since`: only the time of an event says whether it is new. */
  #unsure = false;

  constructor(channel: Channel, key: string | null, { named, since }: { named: boolean; since?: Since | undefined }) {
    this.#channel = channel;
    this.#key = key;
    this.named = named;
    if (since) this.#stand(since.epoch, since.seq, true);
  }

  get epoch(): string | null {
    return this.#epoch;
  }

  get seq(): number | null {
    return this.#seq;
  }

  /** From where to go on; null where the stream begins with what comes. */
  get since(): Since | null {
    if (!this.named) return null;
    return this.#epoch !== null && this.#seq !== null ? { epoch: this.#epoch, seq: this.#seq } : this.#ended;
  }

  /** The reply to a subscription. @param asked the `since` that it was asked with */
  subscribed({ epoch, seq }: Standing, asked: Since | null): Outcome[] {
    this.#healing = this.#asking = false;
    if (asked) {
      const isHere = this.#epoch === asked.epoch && this.#seq === asked.seq;
      if (epoch === asked.epoch) this.#stand(epoch, asked.seq, !isHere || this.#has);
      else if (this.#channel !== 'alerts') this.#nextEpoch = epoch;
      return [];
    }
    const at = this.#seq;
    if (at === null) this.#stand(epoch, seq, false);
    else if (this.#unsure) {
      const gap = (seq ?? 0) > at ? [this.#gap(null, at + 1, seq, false)] : [];
      this.#stand(epoch, seq, seq === at);
      return gap;
    } else if (this.#epoch === null) {
      const matches = epoch !== null && epoch !== this.#ended?.epoch && seq === at;
      const isSure = matches && (!this.#replaying || this.#matched === at);
      this.#matched = matches ? at : null;
      if (!isSure) return this.#askName(ASK_AGAIN_MS);
      this.#stand(epoch, at, this.#has);
    }
    return [];
  }

  push(frame: Push): Outcome[] {
    const { seq, conflated = 0, snapshot, published_at = 0 } = frame;
    if (seq === undefined) return [{ type: 'deliver', frame, epoch: null }];
    if (this.#healing) return [];
    const at = this.#seq;
    const first = seq - conflated;
    if (this.#unsure) {
      if (published_at <= this.#publishedAt) return [];
      this.#unsure = false;
      // A lower number that is later is of another epoch.
      const isNew = at !== null && seq <= at;
      const gap =
        at !== null && (isNew || first > at + 1) ? [this.#gap(null, at + 1, isNew ? null : first - 1, false)] : [];
      return [...gap, ...this.#deliver(frame, isNew ? null : at)];
    }
    if (at === null) return this.#deliver(frame, null);
    if (this.#unnamed.has(`${seq}@${published_at}`)) {
      this.#seq = seq;
      this.#has = true;
      this.#replaying = frame.recovered === true;
      return [];
    }
    if (seq < at || (seq === at && (this.#has || !snapshot))) return [];
    if (first <= at + 1) return this.#deliver(frame, at);
    const { since } = this;
    if (this.#channel === 'alerts' && since && this.#healedAt !== at) {
      this.#healedAt = at;
      return this.#heal(since);
    }
    return [this.#gap(this.#epoch, at + 1, first - 1, false), ...this.#deliver(frame, at)];
  }

  gap({ epoch, from, to, recoverable }: Gap): Outcome[] {
    if (this.#healing) return [];
    const { since } = this;
    if (recoverable && since) return this.#heal(since);
    if (to === null) return this.#end(epoch, from);
    if (epoch !== this.#epoch) this.#stand(epoch, this.named ? (from ?? 1) - 1 : this.#seq, this.#has);
    const begin = Math.max(from ?? 0, (this.#seq ?? -1) + 1);
    if (to < begin) return [];
    this.#seq = to;
    this.#has = false;
    return [this.#gap(epoch, begin, to, true)];
  }

  /** The connection is gone, and with it whatever was asked on it. */
  disconnected(): void {
    this.#healing = this.#asking = false;
    this.#nextEpoch = null;
    this.#unsure = this.#seq !== null && this.since === null;
  }

  /** An epoch is over. */
  #end(epoch: string | null, from: number | null): Outcome[] {
    const outcomes = epoch !== null && epoch === this.#over ? [] : [this.#gap(epoch, from, null, true)];
    if (outcomes.length > 0) {
      this.#unnamed.clear();
      this.#ended = epoch === null ? null : { epoch, seq: Math.max(0, (from ?? 1) - 1) };
    }
    this.#over = epoch;
    this.#healedAt = null;
    const next = this.#nextEpoch;
    this.#nextEpoch = null;
    if (!this.named || next !== null) {
      // Told before: what was delivered since may be of the epoch that is named now.
      const at = outcomes.length === 0 && this.#unnamed.size > 0 ? this.#seq : null;
      this.#stand(next, at, at !== null);
      this.#unsure = at !== null;
      return outcomes;
    }
    this.#epoch = null;
    this.#seq = 0;
    this.#has = false;
    return [...outcomes, ...this.#askName(0)];
  }

  #deliver(frame: Push, at: number | null): Outcome[] {
    const { seq = 0, conflated = 0, published_at = 0 } = frame;
    // What was merged into it may have been delivered by another node.
    const merged = at === null ? conflated : Math.min(conflated, Math.max(0, seq - at - 1));
    this.#seq = seq;
    this.#has = true;
    this.#publishedAt = published_at;
    this.#replaying = frame.recovered === true;
    this.#healedAt = null;
    let handed = frame;
    if (merged !== conflated) {
      // The frame may be another subscription's too.
      handed = { ...frame };
      if (merged > 0) handed.conflated = merged;
      else delete handed.conflated;
    }
    const outcome: Outcome = { type: 'deliver', frame: handed, epoch: this.#epoch };
    if (!this.named || this.#epoch !== null) return [outcome];
    this.#unnamed.add(`${seq}@${published_at}`);
    return [outcome, ...this.#askName(0)];
  }

  #stand(epoch: string | null, seq: number | null, has: boolean): void {
    this.#epoch = epoch;
    this.#seq = seq;
    this.#has = has;
    this.#unsure = false;
    if (epoch === null) return;
    this.#ended = null;
    this.#unnamed.clear();
  }

  #heal(since: Since): Outcome[] {
    this.#healing = true;
    return [{ type: 'ask', since, afterMs: 0 }];
  }

  #askName(afterMs: number): Outcome[] {
    if (this.#asking) return [];
    this.#asking = true;
    return [{ type: 'ask', since: null, afterMs }];
  }

  #gap(epoch: string | null, from: number | null, to: number | null, declared: boolean): Outcome {
    const lost = from === null || to === null ? null : to - from + 1;
    return {
      type: 'gap',
      gap: { channel: this.#channel, key: this.#key, epoch, from, to, recoverable: false, declared, lost },
    };
  }
}
