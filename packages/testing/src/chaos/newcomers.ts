import { mintToken } from '../tokens.ts';
import { type RawWebSocket, openRawWebSocket } from '../raw-websocket.ts';

/** How one newcomer fared. Times are of the monotonic clock, in milliseconds. */
export interface Knock {
  at: number;
  /** Null while it has no answer. */
  answeredAt: number | null;
  outcome: 'seated' | 'refused' | 'broken' | null;
  /** The most that this process itself was late meanwhile, by its own event loop. */
  lateMs: number;
}

/** Clients without a seat that try to get in all the time, and stay for a moment when they do. */
export interface Newcomers {
  readonly knocks: readonly Knock[];
  /** Those that hold a seat now. */
  readonly seated: number;
  pause(): void;
  resume(): void;
  stop(): void;
}

const EVERY_MS = 250;
const STAY_MS = 1500;
const TICK_MS = 10;

export function startNewcomers(chooseUrl: () => string): Newcomers {
  const knocks: Knock[] = [];
  const sockets = new Set<RawWebSocket>();
  const token = mintToken({ sub: 'newcomer' });
  const waiting = new Set<Knock>();
  let tickedAt = performance.now();
  const noteLateness = () => {
    const lateMs = performance.now() - tickedAt - TICK_MS;
    for (const knock of waiting) knock.lateMs = Math.max(knock.lateMs, lateMs);
  };
  const ticker = setInterval(() => {
    noteLateness();
    tickedAt = performance.now();
  }, TICK_MS);
  let paused = true;
  const seated = new Set<RawWebSocket>();

  const knock = async () => {
    const record: Knock = { at: performance.now(), answeredAt: null, outcome: null, lateMs: 0 };
    const answer = (outcome: NonNullable<Knock['outcome']>) => {
      if (record.answeredAt !== null) return;
      noteLateness();
      waiting.delete(record);
      record.answeredAt = performance.now();
      record.outcome = outcome;
    };
    const socket: RawWebSocket = openRawWebSocket(chooseUrl(), await token, {
      open: () => socket.send('{"type":"hello"}'),
      text(text) {
        const { type } = JSON.parse(text) as { type?: unknown };
        if (type === 'error') answer('refused');
        if (type !== 'welcome') return;
        answer('seated');
        seated.add(socket);
        setTimeout(() => {
          seated.delete(socket);
          socket.close(1000);
        }, STAY_MS).unref();
      },
      refused: () => answer('refused'),
      ended() {
        answer('broken');
        seated.delete(socket);
        sockets.delete(socket);
      },
    });
    sockets.add(socket);
    record.at = performance.now();
    knocks.push(record);
    waiting.add(record);
  };
  const timer = setInterval(() => {
    if (!paused) void knock();
  }, EVERY_MS);

  return {
    knocks,
    get seated() {
      return seated.size;
    },
    pause() {
      paused = true;
      seated.clear();
      // What would keep a client from the seat that it waits for.
      for (const socket of sockets) socket.close(1000);
    },
    resume() {
      paused = false;
    },
    stop() {
      clearInterval(timer);
      clearInterval(ticker);
      for (const socket of sockets) socket.destroy();
    },
  };
}
