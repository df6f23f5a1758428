import type { Accounting, ClientAccount, ServerFrame } from './accounting.ts';
import type { Position } from './ledger.ts';
import type { ChannelName, PublishedStream } from './published.ts';
import { type RawWebSocket, openRawWebSocket } from '../raw-websocket.ts';

/** One subscription; `key` null for alerts, and for all agents or backtests. */
export interface Wish {
  channel: ChannelName;
  key: string | null;
}

export interface ChaosClientOptions {
  name: string;
  token: string;
  wishes: readonly Wish[];
  /** False for one that sends only what the seed shows: no `hello`, no `id`. */
  optsIn: boolean;
  /** Milliseconds without a byte until it takes the connection for dead. */
  patienceMs: number;
  accounting: Accounting;
  random: () => number;
  /** The endpoint to try next. */
  chooseUrl(): string;
  on: ClientEvents;
}

/** What the world wants to know of its clients. */
export interface ClientEvents {
  welcomed(client: ChaosClient, seat: string, former: FormerSeat | null): void;
  ended(client: ChaosClient, code: number, wasSeated: boolean): void;
  status(client: ChaosClient, state: string): void;
}

/** The seat a client comes back for. */
export interface FormerSeat {
  seat: string;
  /** Close code of the connection that had it. */
  code: number;
  /** When that ended and when it was asked for again, on the monotonic clock in milliseconds. */
  endedAt: number;
  askedAt: number;
}

interface Asked {
  message: Record<string, unknown>;
  wish: Wish;
  since: { epoch: string; seq: number } | null;
  at: number;
}

const TICK_MS = 500;
const WELCOME_WITHIN_MS = 5000;
const REPLY_WITHIN_MS = 10_000;
const PING_EVERY_MS = 10_000;
const GOODBYE_MS = 100;
const PUSHES = new Set(['market_data', 'agent_status', 'backtest_progress', 'alerts', 'gap']);
const SEED_TYPES = new Set([...[...PUSHES].filter((type) => type !== 'gap'), 'error', 'pong']);
/** Closes that a well-behaved client can meet under faults. */
const FAIR_CLOSES = new Set([1006, 1012, 1013, 4410]);

/** A client that does all PROTOCOL.md asks of one: it comes back with its seat and with `since`, and waits where it is told to. */
export class ChaosClient {
  readonly name: string;
  readonly #options: ChaosClientOptions;
  readonly #account: ClientAccount;
  readonly #asked = new Map<number, Asked>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #socket: RawWebSocket | null = null;
  #lastId = 0;
  #host = '';
  #seat: string | null = null;
  #former: { seat: string; code: number; endedAt: number } | null = null;
  #connectedAt = 0;
  #heardAt = 0;
  #pingedAt = 0;
  #retryMs = 0;
  #failures = 0;
  #running = false;
  /** Seated, and connected as far as the client knows. */
  seated = false;

  constructor(options: ChaosClientOptions) {
    this.name = options.name;
    this.#options = options;
    this.#account = options.accounting.client(options.name);
  }

  /** Subscribed to all it wants, and every account has a start. */
  get settled(): boolean {
    if (!this.seated || this.#asked.size > 0) return false;
    return this.#options.wishes.every((wish) =>
      this.#streams(wish).every(({ channel, key }) => this.#ledger(channel, key).open),
    );
  }

  get optsIn(): boolean {
    return this.#options.optsIn;
  }

  start(): void {
    this.#running = true;
    this.#every(TICK_MS, () => this.#tick());
    this.#connect();
  }

  /** Breaks the connection off; the client comes back as after any other break. */
  drop(): void {
    this.#breakOff(performance.now());
  }

  /** Leaves for good, with a close frame, and breaks off a moment later where the server does not answer it. */
  stop(): void {
    this.#running = false;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.seated = false;
    this.#account.disconnected();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
    setTimeout(() => socket?.destroy(), GOODBYE_MS).unref();
  }

  #connect(): void {
    const { chooseUrl, token } = this.#options;
    const url = new URL(chooseUrl());
    url.searchParams.set('lang', 'en');
    this.#host = url.host;
    if (this.#former) url.searchParams.set('seat', this.#former.seat);
    this.#connectedAt = this.#heardAt = this.#pingedAt = performance.now();
    this.#retryMs = 0;
    const askedAt = this.#connectedAt;
    const socket: RawWebSocket = openRawWebSocket(url.href, token, {
      open: () => {
        if (this.#socket !== socket) return;
        this.#heardAt = performance.now();
        if (this.#options.optsIn) socket.send(JSON.stringify({ type: 'hello', id: 0 }));
        else this.#subscribeUnseen();
      },
      text: (text) => {
        if (this.#socket !== socket) return;
        this.#heardAt = performance.now();
        this.#onText(text, askedAt);
      },
      refused: (status, head) => {
        if (status !== 503) this.#violation('close', `the handshake was refused with ${status}`);
        this.#retryMs = 1000 * Number(/retry-after: (\d+)/.exec(head)?.[1] ?? 1);
        this.#onEnded(socket, 1013);
      },
      ended: (code) => this.#onEnded(socket, code),
    });
    this.#socket = socket;
  }

  /** @param endedAt from when on the server may have been gone */
  #breakOff(endedAt: number): void {
    const socket = this.#socket;
    socket?.destroy();
    this.#onEnded(socket, 1006, endedAt);
  }

  #onEnded(socket: RawWebSocket | null, code: number, endedAt = performance.now()): void {
    if (!socket || this.#socket !== socket) return;
    this.#socket = null;
    this.#asked.clear();
    this.#account.disconnected();
    if (!FAIR_CLOSES.has(code)) this.#violation('close', `closed with ${code}`);
    const wasSeated = this.seated;
    this.seated = false;
    this.#failures = wasSeated ? 0 : this.#failures + 1;
    if (wasSeated && this.#seat !== null) this.#former = { seat: this.#seat, code, endedAt };
    this.#options.on.ended(this, code, wasSeated);
    if (!this.#running) return;
    const backoff = code === 1012 ? 0 : Math.min(2000, 100 * 2 ** Math.min(this.#failures, 5));
    this.#after(Math.max(this.#retryMs, backoff) * (0.75 + this.#options.random() / 2), () => this.#connect());
  }

  #onText(text: string, askedAt: number): void {
    let frame: ServerFrame;
    try {
      frame = JSON.parse(text) as ServerFrame;
    } catch {
      this.#violation('frame', `not JSON: ${text.slice(0, 200)}`);
      return;
    }
    const type = String(frame['type']);
    if (!this.#options.optsIn && !SEED_TYPES.has(type)) this.#violation('frame', `did not opt in, and got ${text}`);
    if (PUSHES.has(type)) {
      // The only sign of a seat that a client gets which never opted in.
      if (!this.#options.optsIn) this.seated = true;
      this.#account.received(frame, text);
      this.#afterPush(frame);
    } else if (type === 'welcome') this.#onWelcome(String(frame['seat']), askedAt);
    else if (type === 'subscribed') this.#onSubscribed(frame);
    else if (type === 'error') this.#onError(frame);
    else if (type === 'status') this.#options.on.status(this, String(frame['state']));
  }

  #onWelcome(seat: string, askedAt: number): void {
    const former = this.#former && { ...this.#former, askedAt };
    this.#seat = seat;
    this.#former = null;
    this.seated = true;
    this.#options.on.welcomed(this, seat, former);
    for (const wish of this.#options.wishes) this.#ask(wish, this.#sinceOf(wish));
  }

  #sinceOf({ channel, key }: Wish): { epoch: string; seq: number } | null {
    return isSingle({ channel, key }) ? this.#ledger(channel, key).since : null;
  }

  #ask(wish: Wish, since: { epoch: string; seq: number } | null): void {
    const id = ++this.#lastId;
    const message = { id, ...subscribeMessage(wish), ...(since && { since }) };
    this.#asked.set(id, { message, wish, since, at: performance.now() });
    for (const { channel, key } of this.#streams(wish)) {
      this.#account.note(channel, key, `asked ${this.#host}: ${JSON.stringify(message)}`);
    }
    this.#send(message);
  }

  #onSubscribed(frame: ServerFrame): void {
    const asked = this.#asked.get(Number(frame['id']));
    if (!asked) return;
    this.#asked.delete(Number(frame['id']));
    const { wish, since } = asked;
    for (const { channel, key } of this.#streams(wish)) this.#account.note(channel, key, JSON.stringify(frame));
    if (!isSingle(wish)) {
      for (const { channel, key } of this.#streams(wish)) this.#account.begin(channel, key, null);
      return;
    }
    const answer: Position = { epoch: String(frame['epoch']), seq: Number(frame['seq']) };
    const ledger = this.#ledger(wish.channel, wish.key);
    const recovered = frame['recovered'] === true;
    if (since) this.#account.resumed(wish.channel, wish.key, since, { ...answer, recovered });
    else if (ledger.open) ledger.learn(answer);
    else this.#account.begin(wish.channel, wish.key, answer);
  }

  /** What can still be had is asked for; so is the name of an epoch that has begun. */
  #afterPush(frame: ServerFrame): void {
    if (!this.#options.optsIn) return;
    const wish = this.#options.wishes.find((each) => isSingle(each) && covers(each, frame));
    if (!wish || this.#isAsked(wish)) return;
    const ledger = this.#ledger(wish.channel, wish.key);
    if (frame['type'] === 'gap' && frame['recoverable'] === true) this.#ask(wish, ledger.refill);
    else if (ledger.position?.epoch === null) this.#ask(wish, null);
  }

  #isAsked(wish: Wish): boolean {
    return [...this.#asked.values()].some((asked) => asked.wish === wish);
  }

  #onError(frame: ServerFrame): void {
    const error = String(frame['error']);
    const asked = this.#asked.get(Number(frame['id']));
    const retryMs = Number(frame['retry_after_ms'] ?? 500);
    if (error === 'rate_limited' || (asked && error === 'backplane_unavailable')) {
      const again = asked?.message ?? (frame['id'] === 0 ? { type: 'hello', id: 0 } : null);
      const socket = this.#socket;
      if (asked) asked.at = performance.now() + retryMs;
      this.#after(retryMs * (1 + this.#options.random()), () => {
        if (again && this.#socket === socket) this.#send(again);
      });
    } else if (error === 'backplane_unavailable' || error === 'connection_limit_exceeded') {
      this.#retryMs = retryMs;
    } else if (error !== 'slow_consumer' && error !== 'draining') this.#violation('frame', JSON.stringify(frame));
  }

  #subscribeUnseen(): void {
    for (const wish of this.#options.wishes) {
      for (const { channel, key } of this.#streams(wish)) this.#account.beginUnseen(channel, key);
      this.#send(subscribeMessage(wish));
    }
  }

  #tick(): void {
    if (!this.#socket) return;
    const now = performance.now();
    const unanswered = [...this.#asked.values()].some(({ at }) => now - at > REPLY_WITHIN_MS);
    const unwelcome = this.#options.optsIn && !this.seated && now - this.#connectedAt > WELCOME_WITHIN_MS;
    if (unanswered || unwelcome || now - this.#heardAt > this.#options.patienceMs) this.#breakOff(this.#heardAt);
    else if (now - this.#pingedAt > PING_EVERY_MS) {
      this.#pingedAt = now;
      this.#send({ type: 'ping' });
    }
  }

  /** The streams of a subscription. */
  #streams({ channel, key }: Wish): Array<Pick<PublishedStream, 'channel' | 'key'>> {
    if (isSingle({ channel, key })) return [{ channel, key }];
    return [...this.#options.accounting.streams.values()].filter((stream) => stream.channel === channel);
  }

  #ledger(channel: ChannelName, key: string | null) {
    return this.#account.ledger(channel, key);
  }

  #send(message: object): void {
    this.#socket?.send(JSON.stringify(message));
  }

  #violation(kind: 'frame' | 'close', detail: string): void {
    this.#options.accounting.report({ kind, where: this.name, stream: null, detail });
  }

  #after(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#running) action();
    }, ms);
    this.#timers.add(timer);
  }

  #every(ms: number, action: () => void): void {
    this.#after(ms, () => {
      action();
      this.#every(ms, action);
    });
  }
}

function isSingle({ channel, key }: Wish): boolean {
  return key !== null || channel === 'alerts';
}

function covers({ channel, key }: Wish, frame: ServerFrame): boolean {
  if (frame['type'] === 'gap') return frame['channel'] === channel && (frame['key'] ?? null) === key;
  if (frame['type'] !== channel) return false;
  return key === null || [frame['symbol'], frame['agent_id'], frame['backtest_id']].includes(key);
}

function subscribeMessage({ channel, key }: Wish): Record<string, unknown> {
  if (channel === 'market_data') return { type: 'subscribe', channel, symbol: key };
  if (key === null || channel === 'alerts') return { type: 'subscribe', channel };
  return { type: 'subscribe', channel, params: channel === 'agent_status' ? { agent_id: key } : { backtest_id: key } };
}
