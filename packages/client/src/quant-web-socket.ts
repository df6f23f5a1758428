import { Tickcast } from './client.ts';
import { TickcastError } from './errors.ts';
import type { Received } from './events.ts';
import { keyOf, nameOf } from './frames.ts';
import { type Channel, KEY_FIELDS, type Push, type PushOf } from './generated/protocol.ts';
import type { ClientOptions } from './options.ts';
import type { Since } from './stream-position.ts';
import type { Subscription } from './subscription.ts';
import { normalKey } from './symbols.ts';
import type { Token } from './tokens.ts';

type Handler = (data: never) => unknown;

/** What a `subscribe` or `unsubscribe` may hold. */
interface SubscribeMessage {
  type?: unknown;
  id?: unknown;
  channel?: unknown;
  symbol?: unknown;
  symbols?: unknown;
  params?: Record<string, unknown> | null;
  since?: Since | null;
}

/** A stream, or all of a channel. */
interface Target {
  readonly channel: Channel;
  readonly key: string | null;
}

/** What is subscribed to, from `subscribe` to `unsubscribe`, and over the ends of the client between them. */
interface Wanted extends Target {
  /** Where it began with `since`: the last alert that the callback got. */
  since: Since | undefined;
  /** Absent while the client is closed. */
  subscription?: Subscription<Push> | undefined;
}

/** Which event of a stream was handed on last, and for which of the subscriptions that cover it. */
interface Handed {
  by: Wanted;
  at: number;
  seq: number;
}

/** The client class of the API's first description, over a connection that comes back by itself. Its subscriptions stay. */
export class QuantWebSocket {
  readonly #client: Tickcast;
  /** The last one of a type counts. */
  readonly #handlers = new Map<string, Handler>();
  /** By type, when the callback is free again. */
  readonly #turns = new Map<string, Promise<void>>();
  readonly #wanted = new Map<string, Wanted>();
  /** By stream. */
  readonly #handed = new Map<string, Handed>();
  /** Subscriptions to a single stream that wait for the one to all. */
  readonly #behind: Array<() => void> = [];
  /** How often it was connected anew after an end. */
  #life = 0;

  constructor(url: string | URL, token: Token, options?: Omit<ClientOptions, 'token'>) {
    this.#client = new Tickcast(url, { lang: 'zh', ...options, token });
    this.#client.on('state', (change) => {
      const { state } = change;
      if (state === 'live') console.log('WebSocket连接已建立');
      if (state === 'closed' || state === 'resuming') console.log('WebSocket连接已关闭');
      void this.#hand('state', change);
    });
    this.#client.on('gap', (gap) => void this.#hand('gap', gap));
    this.#client.on('error', (error) => console.error('WebSocket错误:', error));
    for (const name of ['notice', 'reply'] as const)
      this.#client.on(name, (frame) => void this.#hand(frame.type, frame));
  }

  /**
   * Connects, subscribes to `agent_status`, and after an end to all that was subscribed to before. The promise is that of the
   * first connection; nobody has to wait for it.
   */
  connect(): Promise<void> {
    if (this.#client.state === 'closed') {
      this.#life += 1;
      // It begins with the last values.
      this.#handed.clear();
    }
    const connected = this.#client.connect();
    connected.catch(() => undefined);
    this.subscribe('agent_status');
    for (const wanted of this.#wanted.values()) this.#begin(wanted);
    return connected;
  }

  /** Subscribes until it is unsubscribed; before `connect` it is remembered. */
  subscribe(channel: string, symbol: string | null = null): void {
    this.send({ type: 'subscribe', channel, symbol });
  }

  /**
   * Sends a message. Where there is no connection it is dropped, but subscriptions are kept. `since` is for alerts; the other
   * channels begin with the last value anyway.
   */
  send(message: object): void {
    const { type, id, since } = message as SubscribeMessage;
    const targets = targetsOf(message);
    for (const target of targets) {
      if (type === 'subscribe') this.#subscribe(target, since ?? undefined);
      else this.#unsubscribe(nameOf(target.channel, target.key));
    }
    // The client's own request has another id: asked once more, the server changes nothing and answers to this one. What is
    // missed since then comes by the client's request alone.
    if (targets.length === 0) this.#client.send(message);
    else if (id !== undefined) this.#client.send({ ...message, since: null });
  }

  /** Calls back with the `data` of what comes of a type, or with all of it where it has none. */
  on<C extends Channel>(type: C, callback: (data: PushOf[C]['data']) => unknown): void;
  on(type: string, callback: (frame: object) => unknown): void;
  on(type: string, callback: Handler): void {
    this.#handlers.set(type, callback);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #subscribe(target: Target, since: Since | undefined): void {
    const name = nameOf(target.channel, target.key);
    if (this.#wanted.has(name)) return;
    const wanted: Wanted = { ...target, since };
    this.#wanted.set(name, wanted);
    this.#begin(wanted);
  }

  #unsubscribe(name: string): void {
    this.#wanted.get(name)?.subscription?.close();
    this.#wanted.delete(name);
    for (const [stream, { by }] of this.#handed) {
      // Who subscribes to it again gets its last value again.
      const isCovered = this.#wanted.has(stream) || this.#wanted.has(by.channel);
      if (!isCovered) this.#handed.delete(stream);
    }
    this.#goOn();
  }

  #begin(wanted: Wanted): void {
    if (wanted.subscription || this.#client.state === 'closed') return;
    wanted.subscription = subscriptionTo(this.#client, wanted);
    void this.#read(wanted, wanted.subscription);
  }

  async #read(wanted: Wanted, subscription: Subscription<Push>): Promise<void> {
    const { channel, key } = wanted;
    const name = nameOf(channel, key);
    const life = this.#life;
    const isWanted = () => this.#wanted.get(name) === wanted;
    let refusal: TickcastError | undefined;
    try {
      for await (const event of subscription) {
        while (isWanted() && this.#isBehind(event, wanted)) await new Promise<void>((go) => this.#behind.push(go));
        if (!isWanted()) return;
        if (this.#wasHanded(event, wanted)) continue;
        const { epoch, seq, published_at: at, data } = event;
        if (at !== undefined) this.#handed.set(nameOf(channel, keyOf(event)), { by: wanted, at, seq: seq ?? 0 });
        this.#goOn();
        if (wanted.since && epoch !== null && seq !== undefined) wanted.since = { epoch, seq };
        await this.#hand(channel, data);
      }
    } catch (error) {
      refusal = error as TickcastError;
    }
    if (!isWanted()) return;
    wanted.subscription = undefined;
    this.#goOn();
    // The end of the client is told by the state, and does not end what is wanted of the next one.
    const isEnd = this.#client.state === 'closed' || this.#life !== life;
    if (isEnd) this.#begin(wanted);
    else {
      this.#unsubscribe(name);
      if (refusal) void this.#hand('error', { type: 'error', error: refusal.code, detail: refusal.message });
    }
  }

  /** While there is a subscription to all, it is the one that hands on, as long as it lasts. */
  #isBehind(event: Received<Push>, by: Wanted): boolean {
    return by.key !== null && !!this.#wanted.get(by.channel)?.subscription && !this.#wasHanded(event, by);
  }

  #goOn(): void {
    for (const go of this.#behind.splice(0)) go();
  }

  /** Whether an event was handed on for another subscription: to all of the channel, or to its stream alone. */
  #wasHanded(event: Received<Push>, by: Wanted): boolean {
    const { type, published_at: at, seq = 0 } = event;
    // Raw events have nothing to be known by.
    if (at === undefined) return by.key !== null && this.#wanted.has(type);
    const last = this.#handed.get(nameOf(type, keyOf(event)));
    // The number alone would not do: a subscription to all does not know the epochs.
    return last !== undefined && last.by !== by && (at < last.at || (at === last.at && seq <= last.seq));
  }

  /** Resolves when the callback is done with this, and so with what came before. */
  #hand(type: string, data: object): Promise<void> {
    const turn = this.#call(type, data, this.#turns.get(type));
    this.#turns.set(type, turn);
    return turn;
  }

  async #call(type: string, data: object, before: Promise<void> | undefined): Promise<void> {
    await before;
    try {
      await this.#handlers.get(type)?.(data as never);
    } catch (cause) {
      console.error('WebSocket错误:', new TickcastError('handler_failed', type, { cause }));
    }
  }
}

/** What a message subscribes to or unsubscribes from; nothing where only the server can say what is wrong with it. */
function targetsOf(message: object): Target[] {
  const { type, channel, symbol, symbols, params, since } = message as SubscribeMessage;
  const field = KEY_FIELDS[channel as Channel];
  const isKnown = (type === 'subscribe' || type === 'unsubscribe') && Object.hasOwn(KEY_FIELDS, String(channel));
  if (!isKnown || typeof (since ?? {}) !== 'object') return [];
  const isQuote = field === 'symbol';
  const given: unknown = isQuote ? (symbols ?? symbol) : field && params?.[field];
  const keys: unknown[] = Array.isArray(given) && isQuote ? given : [given ?? null];
  const areKeys = keys.every((key) => (key === null && !isQuote) || (typeof key === 'string' && key !== ''));
  if (!areKeys) return [];
  // What is no key is refused by the client, in its words.
  return (keys as Array<string | null>).map((key) => ({
    channel: channel as Channel,
    key: key && (normalKey(channel as Channel, key) ?? key),
  }));
}

function subscriptionTo(client: Tickcast, { channel, key, since }: Wanted): Subscription<Push> {
  if (channel === 'alerts') return client.alerts(since && { since });
  if (channel === 'market_data') return client.marketData(key ?? '');
  return channel === 'agent_status' ? client.agentStatus(key ?? undefined) : client.backtestProgress(key ?? undefined);
}
