import { connectSubscriber } from './connections.ts';
import { withDeadline } from './deadline.ts';
import { BackplaneUnavailableError } from './errors.ts';
import type { Rest } from './message-connector.ts';

export interface SubscriberOptions {
  url: string;
  /** Every message of the names held. A name just released, or not yet reported as held, may still have some. */
  onMessage: (channel: string, message: Buffer) => void;
  /**
   * Asked when little was read; true when nothing is to be read until it calls `resume`, so that one read brings many. It is not
   * asked, and reading goes on, over TLS and while an answer of Redis is waited for. Never, by default.
   */
  rest?: Rest;
  /** How long a hold waits for Redis, 800 when absent. */
  holdWithinMs?: number;
  /** Connected, and everything held is subscribed again. What was published meanwhile is lost: read it from Redis. */
  onReady: () => void;
  /** The connection is gone; always followed by `onReady`, if Redis comes back. */
  onLost: () => void;
}

/** Subscriptions by name, counted: each `hold` is undone by one `release`. */
export interface Subscriber {
  readonly state: 'ready' | 'away' | 'closed';
  /**
   * Resolves when Redis has confirmed the subscription.
   *
   * @throws BackplaneUnavailableError while Redis is away or does not answer in time; then nothing is held
   */
  hold(name: string): Promise<void>;
  /** Undoes one hold. Redis is told 5 s later, if nobody has come back until then. */
  release(name: string): void;
  /**
   * Resolves when all that Redis published to the names held before this call has been handed over.
   *
   * @throws BackplaneUnavailableError when the connection breaks first
   */
  flush(): Promise<void>;
  close(): void;
}

const LINGER_MS = 5000;
const HOLD_WITHIN_MS = 800;
const RESUBSCRIBE_AGAIN_MS = 1000;

interface Held {
  holders: number;
  /** Runs from the last release until Redis is told. */
  linger: NodeJS.Timeout | null;
  /** As Redis last confirmed it on this connection. */
  subscribed: boolean;
  /** The one exchange with Redis about this name that is under way. */
  work: Promise<void> | null;
}

const unavailable = (cause?: unknown) =>
  new BackplaneUnavailableError('Redis is out of reach: could not subscribe', { cause });

const isWanted = (held: Held) => held.holders > 0 || held.linger !== null;

/** Opens the subscriber connection; it reconnects by itself until it is closed. */
export function createSubscriber({
  url,
  onMessage,
  rest,
  holdWithinMs = HOLD_WITHIN_MS,
  onReady,
  onLost,
}: SubscriberOptions): Subscriber {
  const redis = connectSubscriber(url, {
    onMessage,
    rest(resume) {
      if (!rest || state !== 'ready' || awaited > 0) return false;
      goOnReading = resume;
      return rest(resume);
    },
  });
  const names = new Map<string, Held>();
  let state: Subscriber['state'] = 'away';
  /** Counts connections, so that what began on one does not speak for the next. */
  let session = 0;
  let again: NodeJS.Timeout | undefined;
  /** Answers of Redis that somebody waits for. */
  let awaited = 0;
  let goOnReading = (): void => undefined;

  async function answerTo(command: () => Promise<unknown>): Promise<void> {
    awaited += 1;
    goOnReading();
    try {
      await command();
    } finally {
      awaited -= 1;
    }
  }

  redis.on('ready', () => {
    session += 1;
    void resubscribe(session);
  });
  redis.on('close', () => {
    session += 1;
    clearTimeout(again);
    for (const held of names.values()) held.subscribed = false;
    if (state !== 'ready') return;
    state = 'away';
    onLost();
  });

  async function resubscribe(mine: number): Promise<void> {
    for (const [name, held] of names) if (held.holders === 0) forget(name, held);
    const wanted = [...names.keys()];
    try {
      if (wanted.length > 0) await redis.subscribe(...wanted);
    } catch {
      // Refused (a user without the right), or the connection broke, which brings a new session.
      if (mine === session) again = setTimeout(() => void resubscribe(mine), RESUBSCRIBE_AGAIN_MS);
      return;
    }
    if (mine !== session || state === 'closed') return;
    for (const name of wanted) {
      const held = names.get(name);
      if (held) held.subscribed = true;
      else redis.unsubscribe(name).catch(() => undefined);
    }
    state = 'ready';
    onReady();
  }

  function forget(name: string, held: Held): void {
    if (held.linger) clearTimeout(held.linger);
    held.linger = null;
    // The name may be held anew by now, after a reconnect.
    if (names.get(name) === held) names.delete(name);
  }

  /** Brings Redis to what is wanted of one name, one exchange at a time, until both agree. */
  async function settle(name: string, held: Held): Promise<void> {
    const mine = session;
    while (isWanted(held) !== held.subscribed) {
      const asks = isWanted(held) ? () => redis.subscribe(name) : () => redis.unsubscribe(name);
      await answerTo(asks);
      if (mine !== session) throw unavailable();
      held.subscribed = !held.subscribed;
    }
    if (!isWanted(held)) forget(name, held);
  }

  function settled(name: string, held: Held): Promise<void> {
    held.work ??= settle(name, held).finally(() => {
      held.work = null;
    });
    return held.work;
  }

  function drop(name: string, held: Held): void {
    held.holders -= 1;
    if (held.holders > 0) return;
    held.linger = setTimeout(() => {
      held.linger = null;
      if (state !== 'ready') forget(name, held);
      // A failure means that the connection is gone, and the subscription with it.
      else settled(name, held).catch(() => undefined);
    }, LINGER_MS);
    held.linger.unref();
  }

  return {
    get state() {
      return state;
    },
    async hold(name) {
      if (state !== 'ready') throw unavailable();
      const held = names.get(name) ?? { holders: 0, linger: null, subscribed: false, work: null };
      names.set(name, held);
      held.holders += 1;
      if (held.linger) clearTimeout(held.linger);
      held.linger = null;
      if (held.subscribed && held.work === null) return;
      try {
        await withDeadline(settled(name, held), holdWithinMs, unavailable);
      } catch (error) {
        drop(name, held);
        throw error instanceof BackplaneUnavailableError ? error : unavailable(error);
      }
    },
    release(name) {
      const held = names.get(name);
      if (held && held.holders > 0) drop(name, held);
    },
    async flush() {
      if (state !== 'ready') throw unavailable();
      try {
        // Redis answers it behind the messages that it has queued for this connection.
        await answerTo(() => redis.ping());
      } catch (error) {
        throw unavailable(error);
      }
    },
    close() {
      state = 'closed';
      session += 1;
      clearTimeout(again);
      for (const [name, held] of names) forget(name, held);
      redis.disconnect();
    },
  };
}
