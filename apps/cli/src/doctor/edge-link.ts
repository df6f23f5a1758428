import { WebSocket } from 'ws';

const ANSWER_WITHIN_MS = 5000;

const NOBODY: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ETIMEDOUT']);

export type Frame = Readonly<Record<string, unknown>>;

/** A connection to an edge that is looked at closely, where the SDK would try again. */
export interface EdgeLink {
  /** Sends a message. */
  send(message: object): void;
  /** The first frame from now on that `isWanted`. @throws when none comes in time, or the connection ends before */
  next(isWanted: (frame: Frame) => boolean, withinMs?: number): Promise<Frame>;
  close(): void;
}

/** Nothing answers at all, where other failures are an edge's. */
export class NobodyThereError extends Error {
  readonly code = 'nobody_there';
}

/**
 * Connects to an edge.
 *
 * @param token null to see only whether an edge answers
 * @throws NobodyThereError, or Error with the status that it refused with
 */
export async function openEdgeLink(url: URL, token: string | null): Promise<EdgeLink> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const socket = new WebSocket(url, { headers, handshakeTimeout: ANSWER_WITHIN_MS });
  const listeners = new Set<(frame: Frame | Error) => void>();
  const tell = (frame: Frame | Error): void => listeners.forEach((listener) => listener(frame));
  let lastError = '';

  socket.on('message', (data) => {
    const frame = JSON.parse(data.toString()) as Frame;
    if (frame['type'] === 'error') lastError = `${String(frame['error'])}: ${String(frame['detail'])}`;
    tell(frame);
  });
  socket.on('close', (code) => tell(new Error(lastError || `the connection was closed with ${code}`)));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('unexpected-response', (_request, { statusCode }) => {
      reject(new Error(`the handshake was refused with HTTP ${statusCode}`));
      socket.terminate();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const { code = '', message } = error;
      // The two addresses of localhost fail together, and then only the code says how.
      reject(NOBODY.has(code) ? new NobodyThereError(message || code, { cause: error }) : error);
    });
  });

  return {
    send: (message) => socket.send(JSON.stringify(message)),
    next(isWanted, withinMs = ANSWER_WITHIN_MS) {
      return new Promise((resolve, reject) => {
        const listen = (frame: Frame | Error): void => {
          if (!(frame instanceof Error) && !isWanted(frame)) return;
          listeners.delete(listen);
          clearTimeout(timer);
          if (frame instanceof Error) reject(frame);
          else resolve(frame);
        };
        const timer = setTimeout(() => listen(new Error(`no answer in ${withinMs / 1000} s`)), withinMs);
        listeners.add(listen);
      });
    },
    close: () => socket.close(1000),
  };
}
