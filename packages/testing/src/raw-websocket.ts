import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { CLOSE, PING, PONG, TEXT, clientFrame, readFrames } from './websocket-frames.ts';

/** What a connection tells. */
export interface RawEvents {
  open(): void;
  text(text: string): void;
  /** The handshake was answered with an HTTP status other than 101. */
  refused(status: number, head: string): void;
  /**
   * The last that comes, after `refused` too.
   *
   * @param code of the server's close frame; 1006 when there was none
   */
  ended(code: number): void;
}

export interface RawWebSocket {
  /** Does nothing unless it is open. */
  send(text: string): void;
  /** Says goodbye with a close frame. */
  close(code: number): void;
  /** Breaks off without a word. */
  destroy(): void;
}

const HEADER_END = Buffer.from('\r\n\r\n');

/**
 * A WebSocket client with next to no work a frame, so that one process can be hundreds of them: the handshake is written by
 * hand (RFC 6455, section 4.1) and frames are read as servers send them, unmasked and whole. Answers pings.
 *
 * @param url of the endpoint, `ws:` on an address of this machine
 */
export function openRawWebSocket(url: string, token: string, events: RawEvents): RawWebSocket {
  const { hostname, port, pathname, search } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  let rest: Buffer = Buffer.alloc(0);
  let state: 'opening' | 'open' | 'refused' = 'opening';
  let code = 1006;

  const onFrame = (opcode: number, payload: Buffer) => {
    if (opcode === TEXT) events.text(payload.toString());
    else if (opcode === PING) socket.write(clientFrame(PONG, payload));
    else if (opcode === CLOSE) {
      code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      socket.end(clientFrame(CLOSE, payload.subarray(0, 2)));
    }
  };
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    if (state === 'opening') {
      const end = rest.indexOf(HEADER_END);
      if (end === -1) return;
      const head = rest.subarray(0, end).toString('latin1');
      rest = rest.subarray(end + HEADER_END.length);
      const status = Number(head.split(' ', 2)[1]);
      if (status !== 101) {
        state = 'refused';
        events.refused(status, head.toLowerCase());
        socket.destroy();
        return;
      }
      state = 'open';
      events.open();
    }
    if (state === 'open') rest = readFrames(rest, onFrame);
  });
  // A reset is an end like any other.
  socket.on('error', () => undefined);
  socket.on('end', () => socket.end());
  socket.once('close', () => events.ended(code));
  socket.write(
    `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n` +
      `Authorization: Bearer ${token}\r\n\r\n`,
  );
  return {
    send(text) {
      if (state === 'open' && socket.writable) socket.write(clientFrame(TEXT, Buffer.from(text)));
    },
    close(wanted) {
      if (state === 'open' && socket.writable)
        socket.write(clientFrame(CLOSE, Buffer.from([wanted >> 8, wanted & 0xff])));
      else socket.destroy();
    },
    destroy: () => void socket.resetAndDestroy(),
  };
}
