import { Redis } from 'ioredis';

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
