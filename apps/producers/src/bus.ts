import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Commands,
  connectCommands,
  createNames,
  createPublisher,
  ensureFunction,
  type HeldLease,
  type Names,
  type Publisher,
} from '@tickcast/backplane';
import type { StreamId } from '@tickcast/protocol';
import type { Logger } from 'pino';
import { hasCode } from './errors.ts';

const FIRST_RETRY_MS = 100;
const RETRY_MS = 1000;

export interface NewFrame {
  id: StreamId;
  frame: object;
  /** Makes it safe to publish again, within 5 minutes: 1 to 128 bytes. */
  eventId: string;
}

/** What all roles of this process share: the connection to Redis, and how they publish. */
export interface Bus {
  readonly redis: Commands;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly names: Names;
  readonly publisher: Publisher;
  readonly log: Logger;
  /** Redis answers, and the Function is in it. */
  readonly up: boolean;
  /** Since when, by `performance.now()`; `Infinity` while it is not. */
  readonly upSince: number;
  /** Why it is not: what the last attempt to connect, or to find the Function, failed with; null while it is. */
  readonly problem: string | null;
  /** Calls back whenever Redis is there (again) with the Function in it; at once if it is. @returns what ends it */
  onUp(listener: () => void): () => void;
  /**
   * Publishes one event, and tries again until Redis has it.
   *
   * @throws PublishRefusedError, and LeaseLostError with `held`: trying again would not help; the signal's reason once it
   * is aborted: then the event may have been published all the same
   */
  publishSurely(event: NewFrame, options: { signal: AbortSignal; held?: HeldLease }): Promise<number>;
  /** To be told of what a call to Redis failed with: a Function that was lost is put back. */
  noteFailure(error: unknown): void;
  close(): void;
}

interface BusOptions {
  redisUrl: string;
  redisPrefix: string;
  log: Logger;
}

/** Connects, and keeps the Function installed: a Redis that comes back empty has lost it. */
export function openBus({ redisUrl, redisPrefix, log }: BusOptions): Bus {
  const redis = connectCommands(redisUrl);
  const names = createNames(redisPrefix);
  const publisher = createPublisher({ redis, names });
  const listeners = new Set<() => void>();
  const closing = new AbortController();
  let upSince = Number.POSITIVE_INFINITY;
  const isUp = (): boolean => upSince !== Number.POSITIVE_INFINITY;
  let reaching: Promise<void> | null = null;
  let problem: string | null = null;
  const fail = (error: unknown): void => {
    // A refused connection to a name with several addresses is an AggregateError, whose own message is empty.
    const { message, code } = error as NodeJS.ErrnoException;
    const found = message || String(code);
    if (found !== problem && !closing.signal.aborted) {
      log.warn({ problem: found }, 'nothing can be published: waiting for Redis');
    }
    problem = found;
  };

  const reach = (): void => {
    reaching ??= install().finally(() => (reaching = null));
  };

  async function install(): Promise<void> {
    while (redis.status === 'ready' && !closing.signal.aborted) {
      try {
        const { version } = await ensureFunction(redis);
        upSince = performance.now();
        problem = null;
        log.info({ functionVersion: version }, 'Redis is there');
        for (const listener of listeners) listener();
        return;
      } catch (error) {
        fail(error);
        await sleep(RETRY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  const said = new Set<string>();
  /** While Redis is away that is known; what it answers while it is there may need an operator. */
  const warnOnce = (error: unknown): void => {
    const { message } = error as Error;
    if (!isUp() || said.has(message)) return;
    said.add(message);
    log.warn({ problem: message }, 'an event can not be published yet: trying again');
  };

  const noteFailure = (error: unknown): void => {
    if (hasCode(error, 'function_unavailable')) reach();
  };

  redis.on('ready', reach).on('error', (error) => {
    if (!isUp()) fail(error);
  });
  redis.on('close', () => {
    if (isUp() && !closing.signal.aborted) log.warn('nothing can be published: Redis is away');
    upSince = Number.POSITIVE_INFINITY;
  });

  async function publishOnce({ id, frame, eventId }: NewFrame, held: HeldLease | undefined): Promise<number> {
    const text = JSON.stringify(frame);
    if (held === undefined) return publisher.publish(id, text, eventId);
    const [answer] = await publisher.publishHeld(held, [{ id, frame: text, eventId }]);
    if (typeof answer !== 'number') throw answer ?? new TypeError('publishHeld answered nothing');
    return answer;
  }

  return {
    redis,
    redisUrl,
    redisPrefix,
    names,
    publisher,
    log,
    get up() {
      return isUp();
    },
    get upSince() {
      return upSince;
    },
    get problem() {
      return problem;
    },
    onUp(listener) {
      listeners.add(listener);
      if (isUp()) listener();
      return () => void listeners.delete(listener);
    },
    async publishSurely(event, { signal, held }) {
      for (let pauseMs = FIRST_RETRY_MS; ; pauseMs = Math.min(2 * pauseMs, RETRY_MS)) {
        signal.throwIfAborted();
        try {
          return await publishOnce(event, held);
        } catch (error) {
          if (isFinal(error)) throw error;
          noteFailure(error);
          warnOnce(error);
          await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal });
        }
      }
    },
    noteFailure,
    close() {
      closing.abort();
      redis.disconnect();
    },
  };
}

function isFinal(error: unknown): boolean {
  return hasCode(error, 'publish_refused') || hasCode(error, 'lease_lost') || error instanceof TypeError;
}
