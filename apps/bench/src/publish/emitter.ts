import { Emitter } from '@socket.io/redis-emitter';
import { Redis } from 'ioredis';
import type { Sink } from '../types.ts';

/** Publishes as other processes do it for Socket.IO: through its emitter, to the room that is the topic. */
export async function openEmitterSink(redisUrl: string): Promise<Sink> {
  const redis = new Redis(redisUrl, { protocol: 2, lazyConnect: true });
  await redis.connect();
  let sent: Promise<unknown> = Promise.resolve();
  // The emitter keeps the promise of its client's `publish` to itself, and a lost event must be seen.
  const emitter = new Emitter({
    publish(channel: string, message: Buffer) {
      sent = redis.publish(channel, message);
    },
  });
  return {
    publish(topic, frame) {
      emitter.to(topic).emit('event', JSON.parse(frame));
      return sent;
    },
    close: () => redis.disconnect(),
  };
}
