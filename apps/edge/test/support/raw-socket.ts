import { type Socket, connect } from 'node:net';
import { eventually } from '@tickcast/testing';

/** A TCP connection on which any bytes can be sent: what no WebSocket library lets pass. */
export interface RawSocket {
  readonly socket: Socket;
  /** All that was received, as latin1. */
  received(): string;
  /** Resolves with all that was received once the other side has closed. */
  readonly ended: Promise<string>;
  /** Resolves with the head of the answer in HTTP. */
  head(): Promise<string>;
}

export async function openRawSocket(port: number, firstBytes: string | Buffer): Promise<RawSocket> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  const received = () => Buffer.concat(chunks).toString('latin1');
  socket.on('data', (chunk) => chunks.push(chunk));
  // A reset is an end like any other here.
  socket.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(received()));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.write(firstBytes);
  return {
    socket,
    received,
    ended,
    async head() {
      await eventually(() => received().includes('\r\n\r\n'), { giveUp: () => socket.closed });
      return received().split('\r\n\r\n')[0] ?? '';
    },
  };
}

/** The text of a handshake's request; `headers` are added to what RFC 6455 asks for, or take its place. */
export function handshakeRequest(headers: Record<string, string | null> = {}, path = '/api/v1/websocket'): string {
  const all: Record<string, string | null> = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}\r\n`]));
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
