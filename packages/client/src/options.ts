import type { Backoff } from './backoff.ts';
import type { WebSocketFactory } from './socket.ts';
import type { Token } from './tokens.ts';

export interface ClientOptions {
  /** A JWT without `Bearer`, or a function that gives one: asked again when the one before expires or was refused. */
  token: Token;
  /** After more failures than this the client gives up; 5 when absent, `Infinity` for never. 30 s of health set the count back. */
  maxAttempts?: number;
  /** 10,000 when absent. A peer that is silent for 2.5 of them is dead. */
  pingIntervalMs?: number;
  /** Waits between attempts: 500 ms at most, doubled with each failure up to 20,000 when absent. */
  backoff?: Partial<Backoff>;
  /** So long without a break the client has to be live for its failures to be forgotten; 30,000 when absent. */
  healthyAfterMs?: number;
  /** Of the server's error texts: `en` when absent; `zh` is Chinese. */
  lang?: 'en' | 'zh';
  /** Gets a line for what happens to the connection. Neither the token nor the seat is ever in it. */
  log?: (line: string) => void;
  /** Opens the WebSocket in place of the platform's. */
  webSocket?: WebSocketFactory;
}

export type Settings = Required<Omit<ClientOptions, 'backoff' | 'webSocket'>> & {
  url: URL;
  backoff: Backoff;
  webSocket: WebSocketFactory | null;
};

/** Longer than that no timer waits. */
const MAX_PING_INTERVAL_MS = 2 ** 30;

/** @throws TypeError that names the bad option */
export function settingsOf(url: string | URL, options: ClientOptions): Settings {
  const { token, maxAttempts = 5, pingIntervalMs = 10_000, healthyAfterMs = 30_000, lang = 'en' } = options;
  const { firstMs = 500, maxMs = 20_000 } = options.backoff ?? {};
  const { log = () => undefined, webSocket = null } = options;
  const address = new URL(url);
  if (!/^wss?:$/.test(address.protocol)) throw new TypeError('url must be ws: or wss:');
  if (!token) throw new TypeError('token must be given');
  for (const [name, value] of Object.entries({ maxAttempts, pingIntervalMs, healthyAfterMs, firstMs, maxMs })) {
    if (!(value >= 0)) throw new TypeError(`${name} must be a number from 0`);
  }
  return {
    url: address,
    token,
    maxAttempts,
    pingIntervalMs: Math.min(pingIntervalMs, MAX_PING_INTERVAL_MS),
    backoff: { firstMs, maxMs },
    healthyAfterMs,
    lang,
    webSocket,
    log(line) {
      try {
        log(line);
      } catch {
        // A log that throws must not break the reader, and there is nowhere left to tell it.
      }
    },
  };
}
