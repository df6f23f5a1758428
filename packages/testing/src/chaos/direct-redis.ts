import { Redis } from 'ioredis';
import { eventually } from '../eventually.ts';

/**
 * A connection to Redis past all proxies. It reconnects for ever; a command fails at once while it is away, has no time-out, and
 * is never sent twice.
 */
export function connectDirectly(url: string): Redis {
  const redis = new Redis(url, {
    retryStrategy: () => 100,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disconnectTimeout: 200,
  });
  redis.on('error', () => undefined);
  return redis;
}

/**
 * Resolves once commands can be sent: after an outage nodes may be connected again before this is.
 *
 * @throws when it is still away after 10 s
 */
export async function untilConnected(redis: Redis): Promise<void> {
  await eventually(() => redis.status === 'ready', { withinMs: 10_000 });
}
