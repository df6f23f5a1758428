import {
  type Commands,
  type Names,
  type Subscriber,
  connectCommands,
  createNames,
  createSubscriber,
  ensureFunction,
  openStreams,
  readAlertLog,
  readPositions,
} from '@tickcast/backplane';
import type { StreamSource } from './hub.ts';
import type { Log } from './log.ts';

const INSTALL_RETRY_MS = 2000;

interface RedisLinkParts {
  url: string;
  prefix: string;
  log: Log;
  onMessage: (name: string, message: Buffer) => void;
  /** Asked when quotes were read; true when no more are to be read until it calls `resume`. */
  restFromQuotes: (resume: () => void) => boolean;
  /** Commands are answered again; whether events come is another question. */
  onAnswering: () => void;
  /** All connections work again and everything held is subscribed. */
  onUp: () => void;
  onDown: () => void;
}

/** This node's connections to Redis as one thing that is up or down. */
export class RedisLink implements StreamSource {
  readonly commands: Commands;
  readonly names: Names;
  readonly #parts: RedisLinkParts;
  /** Quotes come on a connection of their own: however many there are, an alert does not stand in line behind them. */
  readonly #quotes: Subscriber;
  readonly #others: Subscriber;
  /** How the names of their Pub/Sub channels begin. */
  readonly #quotesBegin: string;
  #up = false;
  #lastError: string | null = null;
  #functionReady = false;
  #retry: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(parts: RedisLinkParts) {
    this.#parts = parts;
    this.names = createNames(parts.prefix);
    this.#quotesBegin = this.names.pubsubChannel('market_data', '').slice(0, -1);
    this.commands = connectCommands(parts.url);
    this.commands.on('ready', () => {
      parts.onAnswering();
      this.#look();
    });
    this.commands.on('close', () => this.#look());
    this.commands.on('error', (error: Error) => this.#failed(error));
    const subscriber = {
      url: parts.url,
      onMessage: parts.onMessage,
      onReady: () => this.#look(),
      onLost: () => this.#look(),
    };
    this.#quotes = createSubscriber({ ...subscriber, rest: parts.restFromQuotes });
    this.#others = createSubscriber(subscriber);
  }

  get isUp(): boolean {
    return this.#up;
  }

  get isReceiving(): boolean {
    return this.#quotes.state === 'ready' && this.#others.state === 'ready';
  }

  /** Whether Redis was reached once and had the Function; a later outage does not change that. */
  get isFunctionReady(): boolean {
    return this.#functionReady;
  }

  /** Why Redis is out of reach, as the last attempt to connect said; null while it is reached. */
  get lastError(): string | null {
    return this.#lastError;
  }

  hold(name: string): Promise<void> {
    return this.#subscriberOf(name).hold(name);
  }

  release(name: string): void {
    this.#subscriberOf(name).release(name);
  }

  async open(channel: Parameters<StreamSource['open']>[0], key: string | null): ReturnType<StreamSource['open']> {
    return openStreams(this.commands, this.names, channel, key);
  }

  async readLog(...args: Parameters<StreamSource['readLog']>): ReturnType<StreamSource['readLog']> {
    return readAlertLog(this.commands, this.names, ...args);
  }

  async positions(streams: Parameters<StreamSource['positions']>[0]): ReturnType<StreamSource['positions']> {
    return readPositions(this.commands, this.names, streams);
  }

  async flush(): Promise<void> {
    await Promise.all([this.#quotes.flush(), this.#others.flush()]);
  }

  nameOf(channel: Parameters<StreamSource['nameOf']>[0], key: string | null): string {
    return this.names.pubsubChannel(channel, key);
  }

  close(): void {
    this.#closed = true;
    if (this.#retry) clearTimeout(this.#retry);
    this.#quotes.close();
    this.#others.close();
    this.commands.disconnect();
  }

  #subscriberOf(name: string): Subscriber {
    return name.startsWith(this.#quotesBegin) ? this.#quotes : this.#others;
  }

  /** ioredis says what is wrong with address, network and password; nothing of the password itself. */
  #failed(error: Error): void {
    // A refused connection to a name with several addresses is an AggregateError, whose own message is empty.
    this.#lastError = error.message || String((error as NodeJS.ErrnoException).code);
    if (!this.#up) this.#parts.log.warnSparsely({ reason: this.#lastError }, 'Redis is out of reach');
  }

  #look(): void {
    if (this.#closed) return;
    const up = this.commands.status === 'ready' && this.isReceiving;
    if (up === this.#up) return;
    this.#up = up;
    if (!up) {
      this.#parts.log.warn('Redis is out of reach; sockets stay, new clients are refused');
      this.#parts.onDown();
      return;
    }
    this.#lastError = null;
    this.#parts.log.info('Redis is reached');
    void this.#install();
    this.#parts.onUp();
  }

  /** A Redis that comes back empty has lost its Functions too, so this follows every connect. */
  async #install(): Promise<void> {
    if (this.#retry) clearTimeout(this.#retry);
    try {
      const { installed, version } = await ensureFunction(this.commands);
      this.#functionReady = true;
      if (installed) this.#parts.log.info({ version }, 'installed the Redis Function');
    } catch (error) {
      if (this.#closed || !this.#up) return;
      this.#parts.log.error({ err: error }, 'the Redis Function is not there; trying again');
      this.#retry = setTimeout(() => void this.#install(), INSTALL_RETRY_MS);
    }
  }
}
