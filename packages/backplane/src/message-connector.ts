import { type NetConnectOpts, type Socket, createConnection } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type RedisOptions } from 'ioredis';
import { MessageReader, type OnMessage, UnreadableReplyError } from './message-reader.ts';

/** What one read may bring. */
const READ_BYTES = 256 * 1024;
const PLENTY_BYTES = 64 * 1024;

export type Rest = (resume: () => void) => boolean;

export interface MessageConnectorOptions {
  onMessage: OnMessage;
  /** Asked after a read that brought little, but not over TLS; true when nothing is to be read until it calls `resume`. */
  rest: Rest;
}

/**
 * How ioredis reaches Redis for a connection that subscribes: its socket reads into one buffer, takes the messages out
 * of it, and gives the client the rest.
 *
 * To wake up for each of thousands of messages a second costs more than to handle them. So where what they carry is
 * collected all the same, the socket rests after each read, and the next one brings many.
 */
export function createMessageConnector({
  onMessage,
  rest,
}: MessageConnectorOptions): new (options: unknown) => AbstractConnector {
  return class MessageConnector extends AbstractConnector {
    readonly #options: RedisOptions;

    constructor(options: unknown) {
      const redisOptions = options as RedisOptions;
      super(redisOptions.disconnectTimeout ?? 0);
      this.#options = redisOptions;
    }

    // As the client's own does: connecting begins in the next turn, so that it can be called off until then.
    override async connect(): Promise<Socket> {
      this.connecting = true;
      await new Promise((resolve) => void process.nextTick(resolve));
      if (!this.connecting) throw new Error('Connection is closed.');
      const socket = this.#open();
      this.stream = socket;
      socket.once('error', (error: Error) => {
        this.firstError = error;
      });
      return socket;
    }

    #open(): Socket {
      const { host, port, path, family, tls } = this.#options;
      const reader = new MessageReader(onMessage);
      const resume = (): void => void socket.resume();
      const onread = {
        buffer: Buffer.allocUnsafe(READ_BYTES),
        callback: (bytes: number, buffer: Uint8Array): boolean => {
          let others: Buffer;
          try {
            others = reader.read(Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
          } catch (error) {
            if (!(error instanceof UnreadableReplyError)) throw error;
            // The client connects anew, and what was missed is read from Redis, as after every loss of the connection.
            socket.destroy(error);
            return false;
          }
          // Empty, it still is a sign of life for those who listen.
          socket.emit('data', others);
          // Where so much came at once more is waiting. Over TLS each record comes by itself, however many there are.
          return Boolean(tls) || bytes >= PLENTY_BYTES || !rest(resume);
        },
      };
      const where = path ? { path } : { host, port, family };
      const options = { ...where, onread } as NetConnectOpts;
      const socket: Socket = tls ? connectTls({ ...options, ...tls }) : createConnection(options);
      return socket;
    }
  };
}
