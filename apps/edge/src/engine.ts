import uWS, { type HttpRequest, type HttpResponse, type TemplatedApp, type WebSocket } from 'uWebSockets.js';
import type { Handshake, HandshakeRequest } from './handshake.ts';
import { NOT_FOUND, type Refusal, UPGRADE_REQUIRED } from './refusals.ts';
import { Reach, type Traffic } from './reach.ts';
import type { RemoteAddressOf } from './remote-address.ts';
import type { Fanout, Socket } from './socket.ts';

export const PATH = '/api/v1/websocket';

/**
 * Above this the engine drops the socket without a close frame; up to it a client is told (1009) what was wrong.
 * It bounds what one client can make this node hold.
 */
const ENGINE_MESSAGE_BYTES = 1024 * 1024;
/** A backstop only: the connections' own timers are shorter. The engine closes without a frame. */
const ENGINE_IDLE_SECONDS = 120;
/**
 * What one turn may bring over the bound, before slow clients are looked at again. Beyond it the engine would drop
 * messages, the rest of a batch without a word, so it closes instead: nothing may be lost silently.
 */
const BUFFER_HEADROOM_BYTES = 8 * 1024 * 1024;

/** What the engine asks of the core for each handshake and socket. */
export interface EngineHandler<Peer> {
  /** Decides a handshake, synchronously: in this engine a request can't be read after an await. */
  handshake(request: HandshakeRequest): Handshake | Refusal;
  opened(socket: Socket, handshake: Handshake): Peer;
  /** @param message the engine's own memory, valid only during the call */
  message(peer: Peer, message: Buffer, isBinary: boolean): void;
  /** The client has read some of what waited for it. */
  drained(peer: Peer): void;
  /** A ping or pong of the client. */
  heard(peer: Peer, isPing: boolean): void;
  /**
   * The socket is gone. The code is the client's, or 1006 when it broke. The engine also says 1006 when it closed because
   * of what the client sent, which `isClientsFault` tells apart, and for a client's close code that it doesn't take
   * (3000 to 3999, 1012 and up), which nothing tells apart.
   */
  closed(peer: Peer, code: number, isClientsFault: boolean): void;
}

/** What the engine says when it closes by itself because of the bytes it got. */
const ENGINE_FAULTS = new Set(['Received too big message', 'Received invalid UTF-8']);

interface UserData<Peer> {
  handshake: Handshake;
  remoteAddress: string;
  socket: EngineSocket<Peer> | null;
  peer: Peer | null;
}

/** What was handed to the engine for clients, since the start. */
interface Egress {
  bytes: number;
  readonly reach: Reach;
}

class EngineSocket<Peer> implements Socket {
  readonly remoteAddress: string;
  readonly #egress: Egress;
  readonly #number: number;
  /** null once closed: the engine throws when a closed socket is touched. */
  #ws: WebSocket<UserData<Peer>> | null;

  constructor(ws: WebSocket<UserData<Peer>>, remoteAddress: string, egress: Egress) {
    this.#ws = ws;
    this.remoteAddress = remoteAddress;
    this.#egress = egress;
    this.#number = egress.reach.enter();
  }

  /** To be called when the socket is closed: it has left nothing yet. */
  forget(): void {
    this.#ws = null;
  }

  /** To be called when it has left all topics. */
  release(): void {
    this.#egress.reach.leave(this.#number);
  }

  send(frame: string | Uint8Array): void {
    if (!this.#ws) return;
    this.#ws.send(frame, false, false);
    this.#egress.bytes += Buffer.byteLength(frame);
  }

  ping(): void {
    this.#ws?.ping();
  }

  join(topic: string): void {
    if (!this.#ws) return;
    this.#ws.subscribe(topic);
    this.#egress.reach.join(topic, this.#number);
  }

  leave(topic: string): void {
    this.#ws?.unsubscribe(topic);
    this.#egress.reach.part(topic, this.#number);
  }

  end(code: number, reason: string): void {
    this.#ws?.end(code, reason);
  }

  cut(): void {
    this.#ws?.close();
  }

  bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }
}

/** The one place that knows uWebSockets.js. */
export class Engine<Peer> implements Fanout {
  readonly #app: TemplatedApp = uWS.App();
  readonly #egress: Egress = { bytes: 0, reach: new Reach() };
  #listenSocket: uWS.us_listen_socket | null = null;

  constructor(options: { maxBufferedBytes: number; remoteAddressOf: RemoteAddressOf }, handler: EngineHandler<Peer>) {
    this.#app
      .ws<UserData<Peer>>(PATH, {
        maxPayloadLength: ENGINE_MESSAGE_BYTES,
        idleTimeout: ENGINE_IDLE_SECONDS,
        sendPingsAutomatically: false,
        compression: uWS.DISABLED,
        maxBackpressure: options.maxBufferedBytes + BUFFER_HEADROOM_BYTES,
        closeOnBackpressureLimit: 1,
        upgrade: (res, req, context) => {
          if (!isWebSocketHandshake(req)) {
            answer(res, UPGRADE_REQUIRED);
            return;
          }
          const decision = handler.handshake(requestOf(req));
          if ('status' in decision) {
            answer(res, decision);
            return;
          }
          const socketAddress = Buffer.from(res.getRemoteAddressAsText()).toString('latin1');
          res.upgrade<UserData<Peer>>(
            {
              handshake: decision,
              remoteAddress: options.remoteAddressOf(socketAddress, forwardedFor(req)),
              socket: null,
              peer: null,
            },
            req.getHeader('sec-websocket-key'),
            decision.protocol,
            req.getHeader('sec-websocket-extensions'),
            context,
          );
        },
        open: (ws) => {
          const data = ws.getUserData();
          data.socket = new EngineSocket(ws, data.remoteAddress, this.#egress);
          data.peer = handler.opened(data.socket, data.handshake);
        },
        message: (ws, message, isBinary) => {
          const { peer } = ws.getUserData();
          if (peer) handler.message(peer, Buffer.from(message), isBinary);
        },
        drain: (ws) => {
          const { peer } = ws.getUserData();
          if (peer) handler.drained(peer);
        },
        ping: (ws) => {
          const { peer } = ws.getUserData();
          if (peer) handler.heard(peer, true);
        },
        pong: (ws) => {
          const { peer } = ws.getUserData();
          if (peer) handler.heard(peer, false);
        },
        close: (ws, code, message) => {
          const { peer, socket } = ws.getUserData();
          socket?.forget();
          if (peer) handler.closed(peer, code, ENGINE_FAULTS.has(Buffer.from(message).toString('latin1')));
          socket?.release();
        },
      })
      .any(PATH, (res) => answer(res, UPGRADE_REQUIRED))
      .any('/*', (res) => answer(res, NOT_FOUND));
  }

  publish(topic: string, frame: Uint8Array, isCollected: boolean): void {
    this.#app.publish(topic, frame, false, false);
    this.#egress.bytes += frame.length * this.#egress.reach.publish(topic, isCollected);
  }

  /** What was published of collected streams since this was last asked. */
  takeTraffic(): Traffic {
    return this.#egress.reach.takeTraffic();
  }

  /** Frames for every socket that a topic took them to, since the start, and the writes they made. */
  get fanout(): { frames: number; writes: number } {
    return this.#egress.reach;
  }

  /** Bytes of all frames for all clients since the start, without the 2 to 10 that each has as a header. */
  get egressBytes(): number {
    return this.#egress.bytes;
  }

  /** @returns the port, chosen by the system when `port` is 0 */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const onListen = (socket: uWS.us_listen_socket | false) => {
        if (!socket) {
          reject(new Error(`EADDRINUSE: can't listen on ${host}:${port}; is another edge running there?`));
          return;
        }
        this.#listenSocket = socket;
        resolve(uWS.us_socket_local_port(socket));
      };
      listenExclusively(this.#app, host, port, onListen);
    });
  }

  /** Accepts no more; open sockets stay. */
  stopListening(): void {
    if (this.#listenSocket) uWS.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = null;
  }
}

/** The engine's typings lack the constant, and the form of `listen` with both a host and options. */
interface Untyped {
  LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  listen(host: string, port: number, options: number, onListen: OnListen): void;
}

type OnListen = (socket: uWS.us_listen_socket | false) => void;

/** Shared ports are the engine's default; of two edges on one port each would get half the clients. */
function listenExclusively(app: TemplatedApp, host: string, port: number, onListen: OnListen): void {
  const { LIBUS_LISTEN_EXCLUSIVE_PORT } = uWS as unknown as Untyped;
  (app as unknown as Untyped).listen(host, port, LIBUS_LISTEN_EXCLUSIVE_PORT, onListen);
}

/** All X-Forwarded-For lines as one list: `getHeader` knows of one, and a proxy may add its own (RFC 9110, section 5.2). */
function forwardedFor(req: HttpRequest): string {
  const lines: string[] = [];
  req.forEach((name, value) => {
    if (name === 'x-forwarded-for') lines.push(value);
  });
  return lines.join(',');
}

/** The engine takes any request with a Sec-WebSocket-Key for one (RFC 6455, section 4.2.1). */
function isWebSocketHandshake(req: HttpRequest): boolean {
  return req.getHeader('upgrade').toLowerCase() === 'websocket' && req.getHeader('sec-websocket-version') === '13';
}

function requestOf(req: HttpRequest): HandshakeRequest {
  return {
    header: (name) => req.getHeader(name),
    query: (name) => req.getQuery(name),
  };
}

function answer(res: HttpResponse, { status, body, retryAfterSeconds }: Refusal): void {
  res.writeStatus(status).writeHeader('Content-Type', 'application/json; charset=utf-8');
  if (status.startsWith('426')) res.writeHeader('Upgrade', 'websocket').writeHeader('Sec-WebSocket-Version', '13');
  if (retryAfterSeconds !== null) res.writeHeader('Retry-After', String(retryAfterSeconds));
  res.end(body, true);
}
