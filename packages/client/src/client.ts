import { platformSockets } from '#socket';
import { TickcastError } from './errors.ts';
import type { ClientEvents, Received, State, StreamInfo } from './events.ts';
import { keyOf } from './frames.ts';
import type { AgentStatus, Alerts, BacktestProgress, Channel, MarketData, Push } from './generated/protocol.ts';
import { Listeners } from './listeners.ts';
import { type ClientOptions, type Settings, settingsOf } from './options.ts';
import { CLOSED, type Session, startSession } from './session.ts';
import { withSubprotocol } from './socket.ts';
import type { Since } from './stream-position.ts';
import { Reader, type Subscription, type SubscriptionOptions } from './subscription.ts';

export interface AlertsOptions extends SubscriptionOptions {
  /** `{ epoch, seq }` of the last alert that an earlier process had: those that it missed come first. */
  since?: Since;
}

/** A connection to a Tickcast cluster that comes back by itself, with all its subscriptions, each event once. */
export class Tickcast {
  readonly #settings: Settings;
  readonly #listeners = new Listeners();
  #session: Session | null = null;
  #state: State = 'closed';
  #wasClosed = false;

  /**
   * @param url of a node, e.g. `ws://localhost:8001/api/v1/websocket`
   * @throws TypeError when an option can't be right
   */
  constructor(url: string | URL, options: ClientOptions) {
    this.#settings = settingsOf(url, options);
  }

  get state(): State {
    return this.#state;
  }

  /**
   * Connects; where the first subscription did it already, waits for it.
   *
   * @returns resolves when the client is live
   * @throws TickcastError the final error: after it there is no further attempt
   */
  connect(): Promise<void> {
    this.#session ??= this.#begin();
    return this.#session.connected();
  }

  /**
   * Calls back with each event, one at a time and in order. A callback that throws is told as the error `handler_failed`.
   *
   * @returns takes the callback away again
   */
  on<Name extends keyof ClientEvents>(name: Name, callback: (event: ClientEvents[Name]) => unknown): () => void {
    return this.#listeners.on(name, callback);
  }

  /**
   * Quotes of some stocks, in any spelling: `700.HK` is `0700.HK`.
   *
   * @throws TickcastError `not_connected` when the client was closed
   */
  marketData(symbols: string | readonly string[], options?: SubscriptionOptions): Subscription<MarketData> {
    return this.#subscribe('market_data', symbols, options);
  }

  /** The state of some agents; of all, present and future, when none are given. @throws as {@link marketData} */
  agentStatus(ids?: string | readonly string[], options?: SubscriptionOptions): Subscription<AgentStatus> {
    return this.#subscribe('agent_status', ids, options);
  }

  /** How far some backtests have come; all, present and future, when none are given. @throws as {@link marketData} */
  backtestProgress(ids?: string | readonly string[], options?: SubscriptionOptions): Subscription<BacktestProgress> {
    return this.#subscribe('backtest_progress', ids, options);
  }

  /** System alerts. @throws as {@link marketData} */
  alerts(options?: AlertsOptions): Subscription<Alerts> {
    return this.#subscribe('alerts', undefined, options);
  }

  /** Where each stream stands. */
  streams(): StreamInfo[] {
    return this.#session?.streams.describe() ?? [];
  }

  /** Sends a message of your own, as the protocol has them; where there is no connection it is dropped. Replies come as `reply`. */
  send(message: object): void {
    this.#session?.send(message);
  }

  /** Leaves: the seat is free at once, and every iterator ends. Resolves when the WebSocket is closed. */
  async close(): Promise<void> {
    await this.#session?.end(null);
  }

  #subscribe<S>(channel: Channel, keys: string | readonly string[] | undefined, options: AlertsOptions = {}): S {
    if (keys?.length === 0) throw new TypeError('No stream is named.');
    if (!this.#session && this.#wasClosed) {
      throw new TickcastError('not_connected', CLOSED);
    }
    let session: Session | null = null;
    const reader = new Reader(channel, {
      ...options,
      left: () => session?.streams.part(reader),
      dropped: (event) => this.#dropped(event),
    });
    if (options.signal?.aborted) reader.close();
    else {
      // The error, if there is one, is raised by the reader.
      this.connect().catch(() => undefined);
      session = this.#session;
      session?.streams.join(reader, channel, typeof keys === 'string' ? [keys] : (keys ?? [null]), options.since);
    }
    return reader as S;
  }

  #begin(): Session {
    const { webSocket } = this.#settings;
    const { emit } = this.#listeners;
    return startSession({
      settings: this.#settings,
      sockets: async () => (webSocket ? withSubprotocol(webSocket) : platformSockets()),
      emit,
      changed: (state, previous, error) => {
        this.#state = state;
        if (state === 'closed') {
          this.#session = null;
          this.#wasClosed = true;
        }
        emit('state', { state, previous, error });
      },
    });
  }

  /** The application was too slow for it. */
  #dropped(event: Received<Push>): void {
    const { type: channel, epoch, seq, conflated = 0 } = event;
    const from = seq === undefined ? null : seq - conflated;
    const range = { epoch, from, to: seq ?? null, lost: conflated + 1 };
    this.#listeners.emit('gap', { channel, key: keyOf(event), ...range, recoverable: false, declared: false });
  }
}
