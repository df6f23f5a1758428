import { openRawWebSocket } from './raw-websocket.ts';

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
  /** Breaks off without a word. */
  breakOff(): void;
}

/**
 * Connects with next to no work a client, so that one process can bring thousands at once, says `hello`, and answers pings.
 *
 * @param url of the endpoint, `ws:` on an address of this machine
 * @param listener called for every frame of text as it comes
 */
export function joinCrowd(url: string, token: string, listener?: (frame: Record<string, unknown>) => void): Member {
  /** Until the arrival. */
  const frames: Record<string, unknown>[] = [];
  let hasArrived = false;
  let arrive: (arrival: Arrival) => void = () => undefined;
  const arrival = new Promise<Arrival>((resolve) => (arrive = resolve)).finally(() => (hasArrived = true));
  let end: (code: number) => void = () => undefined;
  const closed = new Promise<number>((resolve) => (end = resolve));

  const socket = openRawWebSocket(url, token, {
    open: () => socket.send('{"type":"hello"}'),
    text(text) {
      const frame = JSON.parse(text) as Record<string, unknown>;
      listener?.(frame);
      if (hasArrived) return;
      frames.push(frame);
      if (frame['type'] === 'welcome') arrive({ outcome: 'seated', welcome: frame });
    },
    refused: (status, headers) => arrive({ outcome: 'refused', status, headers }),
    ended(code) {
      arrive({ outcome: 'closed', code, frames });
      end(code);
    },
  });
  return {
    arrival,
    closed,
    send: (message) => socket.send(JSON.stringify(message)),
    async leave() {
      socket.close(1000);
      await closed;
    },
    breakOff: () => socket.destroy(),
  };
}
