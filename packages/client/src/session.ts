import { backoffMs } from './backoff.ts';
import { ServerClock } from './clock.ts';
import { type Connection, type Ending, openConnection } from './connection.ts';
import { TickcastError } from './errors.ts';
import type { Emit, State } from './events.ts';
import { type ServerFrame, isPush } from './frames.ts';
import type { Settings } from './options.ts';
import type { OpenSocket } from './socket.ts';
import { type Streams, createStreams } from './streams.ts';
import { type Timer, after } from './timer.ts';
import { TokenSource } from './tokens.ts';

/** An attempt has so long to be live, ms. */
const ATTEMPT_MS = 10_000;
/** So long it has to be live that it may come back at once again, ms. */
const A_WHILE_MS = 1000;
/** 4429: so long at least, until the bucket is full and what flooded it has ended. */
const RATE_LIMITED = 4429;
const RATE_LIMITED_MS = 5000;

/** Why there is nothing to wait for any more. */
export const CLOSED = 'Closed: connect() first.';

/** What may keep a connection from being live. */
interface Condition {
  /** Nothing was heard for a while. */
  silent: boolean;
  /** Its node can't reach Redis. */
  degraded: boolean;
  draining: boolean;
}

const SOUND: Condition = { silent: false, degraded: false, draining: false };

interface SessionParts {
  settings: Settings;
  /** What opens WebSockets here. @throws TickcastError where nothing does */
  sockets: () => Promise<OpenSocket>;
  emit: Emit;
  changed(state: State, previous: State, error: TickcastError | null): void;
}

/** From `connect` to the end: one connection after the other, with the same seat, token and positions. */
export interface Session {
  readonly streams: Streams;
  /** Resolves as soon as it is connected. */
  connected(): Promise<void>;
  send(message: object): void;
  /** Ends all: quietly, or with the error that is why. Resolves when the WebSocket is closed. */
  end(error: TickcastError | null): Promise<void>;
}

export function startSession({ settings, sockets, emit, changed }: SessionParts): Session {
  const { url, lang, log, maxAttempts, backoff, healthyAfterMs, pingIntervalMs } = settings;
  const clock = new ServerClock();
  const tokens = new TokenSource(settings.token);
  const streams = createStreams({ clock, emit, log });
  const waiting: Array<{ resolve(): void; reject(error: unknown): void }> = [];
  let state: State = 'closed';
  let connection: Connection | undefined;
  let seat: string | undefined;
  let condition = SOUND;
  /** Since when, on the connection of now; undefined before it was. */
  let liveAt: number | undefined;
  let failures = 0;
  /** It came back at once, and was not live for a while since. */
  let hasHurried = false;
  /** Since it was live last its token was refused. */
  let wasRefused = false;
  let isOver = false;
  /** Ends the attempt to be live, or the wait for the next. */
  let timer: Timer | undefined;
  let wake: () => void = () => undefined;

  /** It may have been live for long enough. */
  const rest = () => {
    if (state === 'live' && performance.now() - (liveAt ?? Infinity) >= healthyAfterMs) failures = 0;
  };
  const become = (next: State, error: TickcastError | null = null) => {
    const previous = state;
    if (next === previous) return;
    rest();
    if (next === 'live') liveAt = performance.now();
    state = next;
    log(next);
    changed(next, previous, error);
  };
  const note = (change: Partial<Condition>) => {
    condition = { ...condition, ...change };
    const { silent, degraded, draining } = condition;
    if (liveAt !== undefined) become(draining ? 'draining' : silent || degraded ? 'stale' : 'live');
  };
  const tell = (error: TickcastError) => {
    log(`${error.code}: ${error.message}`);
    emit('error', error);
  };

  const end = async (error: TickcastError | null) => {
    if (isOver) return;
    isOver = true;
    streams.end(error);
    if (error) tell(error);
    become('closed', error);
    for (const { reject } of waiting) reject(error ?? new TickcastError('not_connected', CLOSED));
    clearTimeout(timer);
    wake();
    await connection?.close();
  };

  const renewToken = async ({ request }: Connection) => {
    tokens.forget();
    try {
      const token = await tokens.get(clock.now());
      request({ type: 'auth', token }, (reply) => {
        if (reply.type === 'authenticated') tokens.expiresAt(reply.expires_at);
        else if (reply.type === 'error') {
          tokens.forget();
          tell(new TickcastError(reply.error, reply.detail));
        }
      });
    } catch (error) {
      tell(error as TickcastError);
    }
  };

  const received = (frame: ServerFrame, raw: string) => {
    if (isPush(frame)) streams.push(frame, raw);
    else if (frame.type === 'gap') streams.gap(frame, raw);
    else if (frame.type === 'status') {
      emit('notice', frame);
      note(frame.state === 'draining' ? { draining: true } : { degraded: frame.state === 'degraded' });
    } else if (frame.type === 'token_expiring') {
      emit('notice', frame);
      if (tokens.isRenewable && connection) void renewToken(connection);
    } else {
      if (frame.type === 'error' && frame.error === 'forbidden') streams.reconcile();
      emit('reply', frame);
    }
  };

  const live = () => {
    liveAt = performance.now();
    wasRefused = false;
    note({});
    for (const { resolve } of waiting.splice(0)) resolve();
  };

  /** One connection, from the attempt to its end. */
  const stay = async (): Promise<Ending> => {
    let open: OpenSocket;
    let token: string;
    try {
      open = await sockets();
      token = await tokens.get(clock.now());
    } catch (error) {
      const isPassing = tokens.isRenewable && (error as TickcastError).code === 'token_unavailable';
      return { error: error as TickcastError, action: isPassing ? 'backoff' : 'never' };
    }
    const address = new URL(url);
    log(`connecting to ${address.host}`);
    address.searchParams.set('lang', lang);
    if (seat) address.searchParams.set('seat', seat);
    return new Promise((resolve) => {
      if (isOver) return;
      const opened = openConnection({
        url: address.href,
        token,
        open,
        pingIntervalMs,
        clock,
        welcomed(welcome) {
          ({ seat } = welcome);
          tokens.expiresAt(welcome.expires_at);
          streams.attach(opened, () => {
            clearTimeout(timer);
            live();
          });
        },
        received,
        invalid: tell,
        silent: (silent) => note({ silent }),
        ended(ending) {
          clearTimeout(timer);
          connection = undefined;
          condition = SOUND;
          streams.detach();
          resolve(ending);
        },
      });
      connection = opened;
      timer = after(ATTEMPT_MS, opened.breakOff);
    });
  };

  /** What follows the end of a connection: CLIENTS.md, sections 2 and 3. @returns ms to wait */
  const recover = ({ error, action }: Ending): number => {
    const isTokenBad = action === 'new_token';
    // One that is sent away again and again is like any that fails.
    if (performance.now() - (liveAt ?? Infinity) >= A_WHILE_MS) hasHurried = false;
    const hurries = !hasHurried && (isTokenBad || action === 'at_once');
    hasHurried ||= hurries;
    const isFailure = isTokenBad || !hurries;
    const isFinal = action === 'never' || (isTokenBad && (wasRefused || !tokens.isRenewable));
    rest();
    if (isFailure && !isFinal) failures += 1;
    const isGivenUp = failures > maxAttempts;
    if (liveAt !== undefined && !isFinal && !isGivenUp) become('resuming');
    liveAt = undefined;
    if (isFinal) {
      void end(error);
      return 0;
    }
    if (isFailure) tell(error);
    if (isGivenUp) {
      void end(new TickcastError('gave_up', `Gave up: ${error.message}`, { cause: error }));
      return 0;
    }
    if (isTokenBad) {
      wasRefused = true;
      tokens.forget();
    }
    if (hurries) return 0;
    const floorMs = Math.max(error.retryAfterMs ?? 0, error.closeCode === RATE_LIMITED ? RATE_LIMITED_MS : 0);
    return floorMs + backoffMs(failures, backoff);
  };

  const run = async () => {
    become('connecting');
    while (!isOver) {
      const waitMs = recover(await stay());
      if (isOver || waitMs === 0) continue;
      log(`next attempt in ${Math.round(waitMs)} ms`);
      await new Promise<void>((resolve) => {
        timer = after(waitMs, resolve);
        wake = resolve;
      });
    }
  };
  void run();

  return {
    streams,
    async connected() {
      if (liveAt === undefined) await new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
    },
    send: (message) => connection?.send(message),
    end,
  };
}
