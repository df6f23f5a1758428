import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** What became of one member of a crowd. */
export type Arrival =
  | { outcome: 'seated'; welcome: Record<string, unknown> }
  | { outcome: 'refused'; status: number; headers: string }
  | { outcome: 'closed'; code: number; frames: Record<string, unknown>[] };

/** One client of a crowd. */
export interface Member {
  /** Settles when `hello` was answered, the handshake refused, or the connection ended. */
  readonly arrival: Promise<Arrival>;
  /** Settles with the close code when the connection has ended; 1006 without a close frame. */
  readonly closed: Promise<number>;
  /** Sends an object as JSON. Once the connection has ended this does nothing. */
  send(message: object): void;
  /** Sends a close frame (1000) if it is still connected, and waits until the server has closed. */
  leave(): Promise<void>;
}

const HEADER_END = Buffer.from('\r\n\r\n');
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/**
 * Connects with next to no work a client, so that one process can bring thousands at once: a socket, a handshake written by
 * hand (RFC 6455, section 4.1), then `hello`. It reads frames as servers send them, unmasked and whole, and answers pings.
 *
 * @param url of the endpoint, `ws:` on an address of this machine
 * @param listener called for every frame of text as it comes
 */
export function joinCrowd(url: string, token: string, listener?: (frame: Record<string, unknown>) => void): Member {
  const { hostname, port, pathname, search } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  /** Until the arrival. */
  const frames: Record<string, unknown>[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let upgraded = false;
  let code = 1006;
  let hasArrived = false;
  let arrive: (arrival: Arrival) => void = () => undefined;
  const arrival = new Promise<Arrival>((resolve) => (arrive = resolve)).finally(() => (hasArrived = true));
  const ended = new Promise<void>((resolve) => void socket.once('close', () => resolve()));

  const onFrame = (opcode: number, payload: Buffer) => {
    if (opcode === CLOSE) code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    if (opcode === PING && socket.writable) socket.write(clientFrame(PONG, payload));
    if (opcode !== TEXT) return;
    const frame = JSON.parse(payload.toString()) as Record<string, unknown>;
    listener?.(frame);
    if (hasArrived) return;
    frames.push(frame);
    if (frame['type'] === 'welcome') arrive({ outcome: 'seated', welcome: frame });
  };

  socket.on('data', (chunk: Buffer) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    if (!upgraded) {
      const end = rest.indexOf(HEADER_END);
      if (end === -1) return;
      const head = rest.subarray(0, end).toString('latin1');
      rest = rest.subarray(end + HEADER_END.length);
      const status = Number(head.split(' ', 2)[1]);
      if (status !== 101) {
        arrive({ outcome: 'refused', status, headers: head.toLowerCase() });
        socket.destroy();
        return;
      }
      upgraded = true;
      socket.write(clientFrame(TEXT, Buffer.from('{"type":"hello"}')));
    }
    rest = readFrames(rest, onFrame);
  });
  // A reset is an end like any other: what it means is in the arrival.
  socket.on('error', () => undefined);
  socket.on('end', () => socket.end());
  void ended.then(() => arrive({ outcome: 'closed', code, frames }));
  socket.write(
    `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
      `Authorization: Bearer ${token}\r\n\r\n`,
  );
  return {
    arrival,
    closed: ended.then(() => code),
    send(message) {
      if (upgraded && socket.writable) socket.write(clientFrame(TEXT, Buffer.from(JSON.stringify(message))));
    },
    async leave() {
      sayGoodbye(socket, upgraded);
      await ended;
    },
  };
}

function sayGoodbye(socket: Socket, upgraded: boolean): void {
  if (socket.destroyed) return;
  if (upgraded) socket.write(clientFrame(CLOSE, Buffer.from([0x03, 0xe8])));
  else socket.destroy();
}

/** Masked with zeros, which is as good as any mask (RFC 6455, section 5.3) for a client that trusts the way. */
function clientFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const size = length < 126 ? [0x80 | length] : [0x80 | 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...size, 0, 0, 0, 0]), payload]);
}

/** Calls back for every whole frame and answers what is left. */
function readFrames(bytes: Buffer, onFrame: (opcode: number, payload: Buffer) => void): Buffer {
  let rest = bytes;
  while (rest.length >= 2) {
    let length = rest.readUInt8(1) & 0x7f;
    let start = 2;
    if (length === 126) {
      if (rest.length < 4) break;
      length = rest.readUInt16BE(2);
      start = 4;
    } else if (length === 127) throw new Error('a frame this long is for the other client of the kit');
    if (rest.length < start + length) break;
    onFrame(rest.readUInt8(0) & 0x0f, rest.subarray(start, start + length));
    rest = rest.subarray(start + length);
  }
  return rest;
}
