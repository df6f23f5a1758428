import { Redis } from 'ioredis';

/** Channels of Redis that a server hears, each asked for once, by the first client that wants it. */
export interface RedisChannels {
  /** Resolves when Redis has confirmed all of them. */
  hear(names: readonly string[]): Promise<void>;
}

/** @param onMessage gets both as they came, without a copy: a Buffer is what the engine and `ws` take */
export function openRedisChannels(url: string, onMessage: (name: Buffer, message: Buffer) => void): RedisChannels {
  // As the edge's own subscriber: RESP3 has nothing to offer to a connection that only subscribes.
  const redis = new Redis(url, { protocol: 2 });
  redis.on('messageBuffer', onMessage);
  const asked = new Map<string, Promise<unknown>>();
  return {
    async hear(names) {
      const added = names.filter((name) => !asked.has(name));
      if (added.length > 0) {
        const confirmed = redis.subscribe(...added);
        for (const name of added) asked.set(name, confirmed);
      }
      await Promise.all(new Set(names.map((name) => asked.get(name))));
    },
  };
}
