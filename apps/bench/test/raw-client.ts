import { once } from 'node:events';
import { connect } from 'node:net';
import { CLOSE, createFrameReader, eventually, TEXT } from '@tickcast/testing';
import type { Dialect } from '../src/dialects/dialect.ts';

/** One client that says what a dialect says, and keeps what it hears. */
export interface RawClient {
  /** Payloads of the frames that the dialect calls events. */
  readonly events: string[];
  /** Code of the server's close frame. */
  readonly closeCode: number | null;
  /** Resolves when the dialect calls it ready, throws what the dialect makes of a refusal. */
  untilReady(): Promise<void>;
  /** Resolves when the dialect's first words are with the system, on their way to the server. */
  untilGreeted(): Promise<void>;
  /** Cuts the connection without a goodbye. */
  cut(): void;
}

/** Connects and upgrades. */
export async function connectRaw(
  port: number,
  dialect: Dialect,
  topics: readonly string[],
  token = '',
): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  const client = { events: [] as string[], closeCode: null as number | null };
  let state: ReturnType<Dialect['isReady']> = 'wait';
  let upgraded = false;

  const hear = (opcode: number, payload: Buffer): void => {
    if (opcode === CLOSE) client.closeCode = payload.readUInt16BE(0);
    if (opcode !== TEXT) return;
    if (dialect.isEvent(payload, 0)) {
      client.events.push(payload.toString());
      return;
    }
    if (state === 'wait') state = dialect.isReady(payload.toString());
    const answer = dialect.answer(payload.toString(), topics);
    if (answer) socket.write(answer);
  };

  socket.on('error', () => undefined);
  const greet = (head: string): void => {
    if (!head.startsWith('HTTP/1.1 101')) state = new Error(head);
    upgraded = true;
    socket.write(dialect.hello(topics));
  };
  socket.on('data', createFrameReader(greet, hear));
  await once(socket, 'connect');
  socket.write(
    `GET ${dialect.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  return Object.assign(client, {
    untilReady: () =>
      eventually(
        () => {
          if (state instanceof Error) throw state;
          return void (state === 'ready' || fail('the client is not ready'));
        },
        { giveUp: () => state instanceof Error },
      ),
    untilGreeted: () => eventually(() => void (upgraded || fail('the server has not upgraded the connection'))),
    cut: () => void socket.destroy(),
  });
}

function fail(why: string): never {
  throw new Error(why);
}
