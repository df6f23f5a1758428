import { type Gap, Ledger, type Position, type Push, type ViolationKind } from './ledger.ts';
import { type ChannelName, type PublishedStream, streamName } from './published.ts';

/** A parsed frame of the server. */
export type ServerFrame = Record<string, unknown>;

/** A breach of the contract; besides those of a single stream's account, those that clients and the world see. */
export interface Violation {
  kind: ViolationKind | 'unhealed' | 'frame' | 'close' | 'stuck' | 'seat' | 'cap' | 'timing' | 'crash';
  /** The client, or what else it was seen at. */
  where: string;
  stream: string | null;
  detail: string;
  /** Unix milliseconds. */
  at: number;
  /** The fault that was going on, as `Accounting.during` said. */
  during: string;
  /** What the client received of the stream before, oldest first. */
  frames: readonly string[];
}

/** A client that has not got all that was published of a stream. */
export interface Arrear {
  client: string;
  stream: string;
  missing: number;
}

const KEPT_FRAMES = 40;
const KEPT_CHARACTERS = 400;
/** One hole shows again with every later event; more of the same says nothing new. */
const KEPT_VIOLATIONS = 500;
const KEY_FIELDS: Readonly<Record<ChannelName, string | null>> = {
  market_data: 'symbol',
  agent_status: 'agent_id',
  backtest_progress: 'backtest_id',
  alerts: null,
};

/** Holds every frame of every client against every event published. Reads no clock but that of its reports, and no socket. */
export class Accounting {
  readonly violations: Violation[] = [];
  readonly streams: ReadonlyMap<string, PublishedStream>;
  readonly #accounts: ClientAccount[] = [];
  /** Pushes that were counted. */
  pushes = 0;
  gaps = 0;
  /** What goes on, for the reports. */
  during = '';
  /**
   * The epoch of alerts of which Redis has every event; null where it may have lost some. Nobody is away for so long that the
   * log is trimmed meanwhile.
   */
  keptEpoch: string | null = null;

  constructor(streams: Iterable<PublishedStream>) {
    this.streams = new Map([...streams].map((stream) => [stream.name, stream]));
  }

  client(name: string): ClientAccount {
    const account = new ClientAccount(name, this);
    this.#accounts.push(account);
    return account;
  }

  report(violation: Omit<Violation, 'at' | 'during' | 'frames'> & { frames?: readonly string[] }): void {
    if (this.violations.length >= KEPT_VIOLATIONS) return;
    this.violations.push({ frames: [], ...violation, at: Date.now(), during: this.during });
  }

  /** Checks what can be checked by now. Call it now and then, and once more at the end. */
  settle(): void {
    for (const account of this.#accounts) account.settle();
  }

  /** What a client received of a stream last. */
  frames(client: string, stream: string): readonly string[] {
    return this.#accounts.find(({ name }) => name === client)?.frames(stream) ?? [];
  }

  arrears(): Arrear[] {
    return this.#accounts.flatMap((account) => account.arrears());
  }
}

type Name = Position & { epoch: string };

interface Entry {
  ledger: Ledger;
  frames: string[];
}

/** The accounts of one client, over all its connections. */
export class ClientAccount {
  readonly name: string;
  readonly #all: Accounting;
  readonly #entries = new Map<string, Entry>();

  constructor(name: string, all: Accounting) {
    this.name = name;
    this.#all = all;
  }

  /** The account of a stream, begun or not. */
  ledger(channel: string, key: string | null): Ledger {
    return this.#entry(streamName(channel, key)).ledger;
  }

  /** A subscription without a past; `position` null where the first frame will tell. */
  begin(channel: string, key: string | null, position: Position | null): void {
    const name = streamName(channel, key);
    this.#entry(name).ledger.begin(position, this.#all.streams.get(name)?.sent ?? 0);
  }

  /** A subscription of a client that is not told when it begins: its account begins with the first frame. */
  beginUnseen(channel: string, key: string | null): void {
    this.ledger(channel, key).begin(null, Number.POSITIVE_INFINITY);
  }

  /** The connection is gone, and with it all subscriptions. */
  disconnected(): void {
    for (const { ledger } of this.#entries.values()) ledger.end();
  }

  /** A push or a gap; other frames are the client's own affair. */
  received(frame: ServerFrame, text: string): void {
    const channel = String(frame['type'] === 'gap' ? frame['channel'] : frame['type']);
    const field = KEY_FIELDS[channel as ChannelName];
    const key = frame['type'] === 'gap' ? frame['key'] : field ? frame[field] : null;
    const name = streamName(channel, typeof key === 'string' ? key : null);
    const entry = this.#all.streams.has(name) ? this.#entry(name) : null;
    if (!entry?.ledger.open) {
      this.#all.report({ kind: 'frame', where: this.name, stream: name, detail: `not subscribed to: ${text}` });
      return;
    }
    entry.frames.push(`${new Date().toISOString()} ${beginningOf(text)}`);
    if (entry.frames.length > KEPT_FRAMES) entry.frames.shift();
    if (frame['type'] === 'gap') {
      this.#all.gaps += 1;
      const gap = gapOf(frame);
      if (channel === 'alerts' && gap.to !== null && !gap.recoverable) this.#given(name, gap.epoch, text);
      entry.ledger.gap(gap);
    } else {
      this.#all.pushes += 1;
      const push = pushOf(frame);
      // Who is told by `lost` does not know the epoch.
      if (channel === 'alerts' && push.lost) this.#given(name, this.#all.keptEpoch, text);
      entry.ledger.push(push);
    }
  }

  /** The answer to a `since`: the subscription goes on from there. */
  resumed(
    channel: string,
    key: string | null,
    since: Name,
    { recovered, ...answer }: Position & { recovered: boolean },
  ) {
    const name = streamName(channel, key);
    if (channel === 'alerts' && !recovered) {
      this.#given(name, since.epoch, `since ${since.seq} of ${since.epoch} was not recovered`);
    }
    this.#entry(name).ledger.resume(since, answer);
  }

  /** Alerts were given up as lost. */
  #given(stream: string, epoch: string | null, detail: string): void {
    if (epoch === null || epoch !== this.#all.keptEpoch) return;
    const what = `given up, though Redis has it: ${beginningOf(detail)}`;
    this.#all.report({ kind: 'unhealed', where: this.name, stream, detail: what, frames: [...this.frames(stream)] });
  }

  /** Puts a line among the frames of a stream, for whoever reads them after a violation. */
  note(channel: string, key: string | null, line: string): void {
    const { frames } = this.#entry(streamName(channel, key));
    frames.push(`${new Date().toISOString()} -- ${line}`);
    if (frames.length > KEPT_FRAMES) frames.shift();
  }

  settle(): void {
    for (const { ledger } of this.#entries.values()) ledger.settle();
  }

  arrears(): Arrear[] {
    return [...this.#entries].flatMap(([stream, { ledger }]) => {
      const missing = ledger.open ? ledger.behind() : 0;
      return missing > 0 ? [{ client: this.name, stream, missing }] : [];
    });
  }

  frames(stream: string): readonly string[] {
    return this.#entry(stream).frames;
  }

  #entry(name: string): Entry {
    const known = this.#entries.get(name);
    if (known) return known;
    const stream = this.#all.streams.get(name);
    if (!stream) throw new Error(`nobody publishes ${name}`);
    const frames: string[] = [];
    const ledger = new Ledger(stream, (kind, detail) =>
      this.#all.report({ kind, where: this.name, stream: name, detail, frames: [...frames] }),
    );
    const entry = { ledger, frames };
    this.#entries.set(name, entry);
    return entry;
  }
}

/** A copy: a part of a string keeps the whole alive, and there are large frames. */
function beginningOf(text: string): string {
  return text.length > KEPT_CHARACTERS ? Buffer.from(text.slice(0, KEPT_CHARACTERS)).toString() : text;
}

function pushOf(frame: ServerFrame): Push {
  const { seq, snapshot, conflated, lost } = frame;
  const { n } = frame['data'] as { n?: unknown };
  return {
    seq: Number(seq),
    n: Number(n),
    snapshot: snapshot === true,
    conflated: Number(conflated ?? 0),
    ...(lost === undefined ? {} : { lost: lost === null ? null : Number(lost) }),
  };
}

function gapOf({ epoch, from, to, recoverable }: ServerFrame): Gap {
  return {
    epoch: String(epoch),
    from: Number(from),
    to: to === null ? null : Number(to),
    recoverable: recoverable === true,
  };
}
