import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Direction, type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import type { ChannelName, InjectStep, Partly } from './scenario.ts';
import { BINARY, CLOSE, TEXT, closeFrame, createFrameReader, serverFrame } from '../websocket-frames.ts';

/** What a node or the client sent. */
export interface Sent {
  /** Milliseconds of `performance.now()`. */
  at: number;
  connection: number;
  direction: Direction;
  /** A message; `{close}` for a close frame, `{request}` for the line of a handshake. */
  what: Partly;
}

/** The one address the client knows: a proxy that a balancer or a bad line may stand behind. */
export interface Door {
  readonly proxy: FaultProxy;
  readonly url: string;
  /** What passed, pushes left out. */
  readonly sent: readonly Sent[];
  /** Moments of `performance.now()` when a connection came, refused ones too. */
  readonly attempts: readonly number[];
  /** New connections get an HTTP status until the proxy is pointed elsewhere. `retryAfter` in seconds. */
  answer(status: number, retryAfter: number | undefined): Promise<void>;
  inject(step: InjectStep): void;
  garble(channel: ChannelName, count: number): void;
  close(): void;
}

/** Pushes may be many megabytes; what is looked for on the wire is always shorter. */
const LONGEST_LOGGED = 4096;
const NOTHING = Buffer.alloc(0);

export async function openDoor(port: number): Promise<Door> {
  const sent: Sent[] = [];
  const attempts: number[] = [];
  const readers = new Map<string, (bytes: Buffer) => void>();
  const lastPushes = new Map<string, Buffer>();
  const servers = new Set<{ close(): void }>();
  /** Connections that were closed in the name of the node, which knows nothing of it. */
  const disowned = new Set<number>();
  let garbling: { mark: Buffer; left: number } | null = null;

  const onText = (log: (what: Partly) => void, payload: Buffer) => {
    if (payload.indexOf('"published_at":') !== -1 || payload.length > LONGEST_LOGGED) {
      const type = /"type":"(alerts|market_data)"/.exec(payload.subarray(0, LONGEST_LOGGED).toString())?.[1];
      if (type !== undefined) lastPushes.set(type, payload);
    } else log(JSON.parse(payload.toString()) as Partly);
  };
  const readerOf = (connection: number, direction: Direction) => {
    const name = `${connection} ${direction}`;
    const log = (what: Partly) => void sent.push({ at: performance.now(), connection, direction, what });
    const reader =
      readers.get(name) ??
      createFrameReader(
        (head) => log({ request: head.split('\r\n', 1)[0] }),
        (opcode, payload) => {
          if (opcode === TEXT) onText(log, payload);
          else if (opcode === CLOSE) {
            log({ close: payload.length < 2 ? 1005 : payload.readUInt16BE(0) });
            // A server ends the connection when its close is answered (RFC 6455, section 7.1.1).
            if (disowned.has(connection)) proxy.cut();
          }
        },
      );
    readers.set(name, reader);
    return reader;
  };
  const garble = (bytes: Buffer): Buffer => {
    const garbled = Buffer.from(bytes);
    for (let at = 0; garbling && garbling.left > 0; garbling.left--) {
      at = garbled.indexOf(garbling.mark, at);
      if (at === -1) break;
      // Of the same length, so that the frame around it stays whole.
      garbled.write('"type";', at++);
    }
    return garbled;
  };

  const proxy = await startFaultProxy(port, {
    watcher: {
      connected: () => void attempts.push(performance.now()),
      passing(connection, direction, bytes) {
        readerOf(connection, direction)(bytes);
        if (disowned.has(connection) && direction === 'to-client') return NOTHING;
        return direction === 'to-client' && garbling ? garble(bytes) : bytes;
      },
    },
  });
  return {
    proxy,
    url: `ws://127.0.0.1:${proxy.port}/api/v1/websocket`,
    sent,
    attempts,
    async answer(status, retryAfter) {
      const headers = {
        connection: 'close',
        'content-length': '0',
        ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      };
      const server = createServer((_request, response) => void response.writeHead(status, headers).end());
      // Without a listener an upgrade is answered as any request is.
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      server.unref();
      servers.add(server);
      proxy.retarget((server.address() as AddressInfo).port);
    },
    inject(step) {
      proxy.inject(bytesOf(step, lastPushes), 'to-client');
      if (step.close !== undefined) disowned.add(attempts.length);
    },
    garble(channel, count) {
      garbling = { mark: Buffer.from(`"type":"${channel}"`), left: count };
    },
    close() {
      proxy.close();
      for (const server of servers) server.close();
    },
  };
}

function bytesOf(step: InjectStep, lastPushes: ReadonlyMap<string, Buffer>): Buffer {
  if (step.text !== undefined) return serverFrame(TEXT, Buffer.from(step.text));
  if (step.nested !== undefined) return serverFrame(TEXT, Buffer.from('['.repeat(step.nested)));
  if (step.binary !== undefined) return serverFrame(BINARY, Buffer.from(step.binary, 'base64'));
  if (step.bytes !== undefined) return Buffer.from(step.bytes, 'base64');
  if (step.close !== undefined) return closeFrame(step.close);
  const push = lastPushes.get(step.again ?? '');
  if (!push) throw new Error(`there is no push of ${step.again} to be repeated`);
  return serverFrame(TEXT, push);
}
