import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { WebSocket, type ClientOptions } from 'ws';
import { eventually } from './eventually.ts';

/** For programs that expect a browser's global of this name: Node 20 has none. */
export { WebSocket };

/** Where the token stands in the handshake. `subprotocol-bearer` is the seed's own form, with a space no browser allows. */
export type TokenPlace = 'header' | 'subprotocol' | 'subprotocol-bearer' | 'message' | 'query';

export interface ConnectOptions {
  token?: string;
  /** `header` when absent. `message` sends it as the first message. */
  via?: TokenPlace;
  /** Added to the URL. */
  query?: Record<string, string>;
  /** Added to the handshake. */
  headers?: Record<string, string>;
  /** Answer the server's pings; true when absent. */
  autoPong?: boolean;
  /** For `wss:`, in PEM: the only certificate to be trusted. */
  ca?: string;
}

/** A server's frame as it was parsed. */
export interface Frame {
  type: string;
  [field: string]: unknown;
}

export interface ReceivedFrame {
  /** Milliseconds of `performance.now()` when it came. */
  at: number;
  /** The frame as it was sent. */
  text: string;
  frame: Frame;
}

export interface Close {
  /** 1006 when the connection ended without a close frame. */
  code: number;
  reason: string;
  at: number;
}

export interface RefusedHandshake {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

type Match = string | ((frame: Frame) => boolean);

/** A client of independent make: it knows nothing of the project's own code. */
export class TestClient {
  /** The socket underneath, for pings, pausing and the like. */
  readonly socket: WebSocket;
  /** All that was received, in order. */
  readonly frames: ReceivedFrame[] = [];
  /** Settles when the connection has ended, however it did. */
  readonly closed: Promise<Close>;
  #ended: Close | undefined;
  #cursor = 0;
  #requests = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      const received = data.toString();
      this.frames.push({ at: performance.now(), text: received, frame: JSON.parse(received) as Frame });
    });
    // A cut connection is an `error` too; what it means is in `closed`.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => {
        this.#ended = { code, reason: reason.toString(), at: performance.now() };
        resolve(this.#ended);
      });
    });
  }

  /** Sends an object as JSON, a string as it is, a Buffer as a binary frame. */
  send(message: object | string | Buffer): void {
    const raw = typeof message === 'string' || Buffer.isBuffer(message);
    this.socket.send(raw ? message : JSON.stringify(message));
  }

  /**
   * The first frame of that type, or that the predicate accepts, after the one that the last `next` answered. Frames that
   * came meanwhile are looked at too; those that do not match are passed over for good.
   *
   * @throws when none comes within `withinMs` (5000 when absent), or the connection ends first
   */
  async next(match: Match, withinMs = 5000): Promise<Frame> {
    const start = this.#cursor;
    const index = await this.#find(start, match, withinMs);
    this.#cursor = index + 1;
    return this.#at(index);
  }

  /** Sends the message with an `id` of its own and answers the reply, without moving what `next` has seen. */
  async request(message: Record<string, unknown>, withinMs = 5000): Promise<Frame> {
    const id = `request-${++this.#requests}`;
    const start = this.frames.length;
    this.send({ ...message, id });
    return this.#at(await this.#find(start, (frame) => frame['id'] === id, withinMs));
  }

  /** The frames of that type, or that the predicate accepts, of all received so far. */
  received(match: Match): Frame[] {
    return this.frames.map(({ frame }) => frame).filter((frame) => matches(frame, match));
  }

  /** A close handshake (1000 when absent), and wait for its end. */
  async close(code = 1000): Promise<Close> {
    this.socket.close(code);
    return this.closed;
  }

  /** Cuts the connection without a close frame, and waits for its end. */
  async terminate(): Promise<Close> {
    this.socket.terminate();
    return this.closed;
  }

  #at(index: number): Frame {
    const received = this.frames[index];
    if (received === undefined) throw new Error(`there is no frame ${index}`);
    return received.frame;
  }

  #find(start: number, match: Match, withinMs: number): Promise<number> {
    let looked = start;
    return eventually(
      () => {
        for (; looked < this.frames.length; looked++) if (matches(this.#at(looked), match)) return looked;
        const wanted = typeof match === 'string' ? `of type ${match}` : `for ${match}`;
        const came = this.frames.slice(start).map((received) => received.text);
        const ended = this.#ended === undefined ? '' : `, closed ${this.#ended.code} ${this.#ended.reason}`;
        throw new Error(`no frame ${wanted}${ended}; since then came ${came.length}: ${came.slice(-5).join(' ')}`);
      },
      { withinMs, giveUp: () => this.#ended !== undefined && looked >= this.frames.length },
    );
  }
}

/**
 * Connects and resolves once the handshake is through (which says nothing of the token yet).
 *
 * @throws when the handshake is refused or the connection fails
 */
export async function connectClient(url: string, options: ConnectOptions = {}): Promise<TestClient> {
  const client = new TestClient(open(url, options));
  await new Promise<void>((resolve, reject) => {
    client.socket.once('open', resolve);
    client.socket.once('error', reject);
  });
  if (options.via === 'message') client.send({ type: 'auth', token: options.token });
  return client;
}

/**
 * Connects where a refusal by an HTTP status is expected, and answers it.
 *
 * @throws when the handshake goes through
 */
export async function expectHandshakeRefused(url: string, options: ConnectOptions = {}): Promise<RefusedHandshake> {
  const socket = open(url, options);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    socket.once('unexpected-response', (_request, answer) => resolve(answer));
    socket.once('error', reject);
    socket.once('open', () => {
      socket.terminate();
      reject(new Error('the handshake went through'));
    });
  });
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

function open(url: string, options: ConnectOptions): WebSocket {
  const { token, via = 'header', query = {}, headers = {}, autoPong = true, ca } = options;
  const target = new URL(url);
  for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
  const settings: ClientOptions = { headers: { ...headers }, autoPong, ...(ca === undefined ? {} : { ca }) };
  if (token === undefined || via === 'message') return new WebSocket(target, settings);
  if (via === 'subprotocol') return new WebSocket(target, ['Authorization', token], settings);
  if (via === 'header') settings.headers = { authorization: `Bearer ${token}`, ...headers };
  if (via === 'query') target.searchParams.set('access_token', token);
  if (via === 'subprotocol-bearer') {
    // ws, like a browser, does not let a subprotocol with a space pass: put it in behind its back.
    settings.finishRequest = (request) => {
      request.setHeader('Sec-WebSocket-Protocol', `Authorization, Bearer ${token}`);
      request.end();
    };
    return new WebSocket(target, ['Authorization'], settings);
  }
  return new WebSocket(target, settings);
}

function matches(frame: Frame, match: Match): boolean {
  return typeof match === 'string' ? frame.type === match : match(frame);
}
