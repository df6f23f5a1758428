import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { RecordableHistogram } from 'node:perf_hooks';
import { clientFrame, PONG } from '@tickcast/testing';
import type { Dialect } from '../dialects/dialect.ts';
import { monotonicSeconds } from '../rig/clock.ts';
import { FrameWalker } from './frame-walker.ts';

const HEAD_END = '\r\n\r\n';
const TIMESTAMP = Buffer.from('"timestamp":');
/** `1795390000.123456` and what ends it. */
const TIMESTAMP_LENGTH = 18;
const CONFLATED = Buffer.from('"conflated":');
const CONFLATED_LENGTH = 9;

/** One for all sockets of the process: it is read from before the next read. */
const readBuffer = Buffer.allocUnsafe(256 * 1024);

export interface ClientOptions {
  dialect: Dialect;
  port: number;
  token: string;
  topics: readonly string[];
  /** Where the client puts the latencies of its events, µs; null: it only counts, which costs less. */
  latencies: RecordableHistogram | null;
  /** Of the publisher's timestamps to the machine's monotonic clock, s. */
  unixOffset: number;
}

/** A client that costs little: a bare socket, and events that are counted without being parsed. */
export class Client {
  events = 0;
  bytes = 0;
  /** Events that the server says it merged into later ones; only known where latencies are taken. */
  conflated = 0;
  /** Monotonic seconds. */
  lastEventAt = 0;
  /** Why the connection is over, or null. */
  ended: string | null = null;
  readonly #options: ClientOptions;
  readonly #walker = new FrameWalker({
    text: (bytes, start, end) => this.#text(bytes, start, end),
    ping: (payload) => this.#pong(payload),
    close: (payload) =>
      this.#end(`the server closed it with ${payload.length < 2 ? 'no code' : payload.readUInt16BE(0)}`),
  });
  #socket: Socket | undefined;
  #head: string | null = '';
  #isReady = false;
  #readAt = 0;
  #settle: { resolve(): void; reject(error: Error): void } = { resolve: () => undefined, reject: () => undefined };

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Resolves when the server has confirmed all topics. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      const onread = { buffer: readBuffer, callback: (count: number) => this.#read(count) };
      this.#socket = connect({ host: '127.0.0.1', port: this.#options.port, noDelay: true, onread }, () =>
        this.#upgrade(),
      );
      this.#socket.on('error', (error) => this.#end(error.message));
      this.#socket.on('close', () => this.#end('the connection broke'));
    });
  }

  #upgrade(): void {
    const { dialect, port, token } = this.#options;
    this.#socket?.write(
      `GET ${dialect.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n` +
        `Authorization: Bearer ${token}${HEAD_END}`,
    );
  }

  #read(count: number): boolean {
    this.bytes += count;
    const chunk = readBuffer.subarray(0, count);
    if (this.#head === null) {
      // Of the read, not of the frame: what came together has come at the same time.
      if (this.#isReady) this.#readAt = monotonicSeconds();
      this.#walker.read(chunk);
    } else this.#readHead(this.#head + chunk.toString('latin1'));
    return true;
  }

  #readHead(head: string): void {
    const end = head.indexOf(HEAD_END);
    this.#head = head;
    if (end === -1) return;
    if (!head.startsWith('HTTP/1.1 101 ')) {
      this.#end(`the upgrade was refused: ${head.slice(0, head.indexOf('\r\n'))}`);
      return;
    }
    this.#head = null;
    const { dialect, topics } = this.#options;
    const hello = dialect.hello(topics);
    if (hello.length > 0) this.#socket?.write(hello);
    const rest = head.slice(end + HEAD_END.length);
    if (rest !== '') this.#walker.read(Buffer.from(rest, 'latin1'));
  }

  #text(bytes: Buffer, start: number, end: number): void {
    if (this.#options.dialect.isEvent(bytes, start)) this.#event(bytes, start, end);
    else this.#talk(bytes.toString('utf8', start, end));
  }

  #event(bytes: Buffer, start: number, end: number): void {
    this.events += 1;
    this.lastEventAt = this.#readAt;
    if (this.#options.latencies !== null) this.#sample(bytes.subarray(start, end), this.#options.latencies);
  }

  #sample(frame: Buffer, latencies: RecordableHistogram): void {
    const conflated = frame.indexOf(CONFLATED);
    if (conflated !== -1) this.conflated += numberAt(frame, conflated + CONFLATED.length, CONFLATED_LENGTH);
    const field = frame.indexOf(TIMESTAMP);
    if (field === -1) return;
    const publishedAt = numberAt(frame, field + TIMESTAMP.length, TIMESTAMP_LENGTH);
    const micros = (this.#readAt + this.#options.unixOffset - publishedAt) * 1e6;
    latencies.record(Math.max(1, Math.round(micros)));
  }

  #talk(text: string): void {
    const { dialect, topics } = this.#options;
    const answer = dialect.answer(text, topics);
    if (answer !== null) this.#socket?.write(answer);
    if (this.#isReady) return;
    const state = dialect.isReady(text);
    if (state instanceof Error) this.#end(state.message);
    else if (state === 'ready') {
      this.#isReady = true;
      this.#settle.resolve();
    }
  }

  #pong(payload: Buffer): void {
    this.#socket?.write(clientFrame(PONG, payload));
  }

  #end(why: string): void {
    this.ended ??= why;
    this.#settle.reject(new Error(`a client could not get ready: ${why}`));
    this.#socket?.destroy();
  }
}

function numberAt(bytes: Buffer, start: number, length: number): number {
  return Number.parseFloat(bytes.toString('latin1', start, start + length));
}
