import { setTimeout as sleep } from 'node:timers/promises';
import { connectCommands, createNames, createPublisher, ensureFunction } from '@tickcast/backplane';
import { type Channel, keyField } from '@tickcast/protocol';
import type { Logger } from 'pino';
import type { ProducersConfig } from './config.ts';

const FIRST_RETRY_MS = 200;
const RETRY_MS = 1000;

/** A frame as its schema has it. */
interface Frame {
  type: Channel;
  data: object;
}

/** Where frames go: Redis, or nowhere while it is away (a quote that waited would be worth nothing). */
export interface Outlet {
  /** Settles when Redis was reached for the first time, or the outlet is closed. */
  readonly opened: Promise<void>;
  /** Publishes the frame as a numbered event. Never rejects: a failure is logged once and waited out. */
  publish(frame: Frame): Promise<void>;
  /** Frames on their way to Redis. */
  readonly inFlight: number;
  close(): void;
}

/** Connects, and keeps the Function installed: a Redis that comes back empty has lost it. */
export function openOutlet({ redisUrl, redisPrefix }: ProducersConfig, log: Logger): Outlet {
  const redis = connectCommands(redisUrl);
  const publisher = createPublisher({ redis, names: createNames(redisPrefix) });
  const closing = new AbortController();
  let inFlight = 0;
  let ready = false;

  async function reach(): Promise<void> {
    for (let attempt = 1; !ready && !closing.signal.aborted; attempt++) {
      try {
        const { version } = await ensureFunction(redis);
        ready = true;
        log.info({ functionVersion: version }, 'Redis is there: publishing');
      } catch (error) {
        // The first attempt comes before the connection is up.
        const pause = attempt === 1 ? FIRST_RETRY_MS : RETRY_MS;
        const problem = (error as Error).message;
        if (attempt === 2) log.warn({ problem }, 'nothing can be published: waiting for Redis');
        await sleep(pause, undefined, { signal: closing.signal }).catch(() => undefined);
      }
    }
  }

  return {
    opened: reach(),
    async publish(frame) {
      if (!ready) return;
      inFlight += 1;
      try {
        const field = keyField(frame.type);
        const key = field === null ? null : String(Reflect.get(frame, field));
        await publisher.publish({ channel: frame.type, key }, JSON.stringify(frame));
      } catch (error) {
        if (ready && !closing.signal.aborted) {
          ready = false;
          log.warn({ problem: (error as Error).message }, 'an event could not be published');
          void reach();
        }
      } finally {
        inFlight -= 1;
      }
    },
    get inFlight() {
      return inFlight;
    },
    close() {
      closing.abort();
      redis.disconnect();
    },
  };
}
