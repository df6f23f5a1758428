import type { Redis } from 'ioredis';

const PERIOD_MS = 500;
const DEADLINE_MS = 2000;

/**
 * Cuts the connection whenever its Redis answers nothing for 2 s, so that it reconnects: a stopped or hung Redis keeps
 * TCP healthy for ever. The handshake counts too.
 */
export function keepAlive(redis: Redis): void {
  let timer: NodeJS.Timeout | undefined;

  redis.on('connect', () => {
    const { stream } = redis;
    let answeredAt = performance.now();
    let beatAt = answeredAt;
    let isReady = false;

    const ping = async () => {
      try {
        await redis.ping();
        answeredAt = performance.now();
      } catch {
        // No answer, which the next beats will notice.
      }
    };
    const beat = () => {
      const now = performance.now();
      // A process that was itself stopped, or busy, has not read its sockets yet and can judge nobody.
      if (now - beatAt > 2 * PERIOD_MS) answeredAt = now;
      beatAt = now;
      // The answer to the handshake, from a Redis that was stopped until now.
      if (!isReady && redis.status === 'ready') answeredAt = now;
      isReady = redis.status === 'ready';
      // Not disconnect(), which says goodbye first and waits two seconds for an answer.
      if (now - answeredAt > DEADLINE_MS) stream.destroy();
      else if (redis.status === 'ready') void ping();
    };
    clearInterval(timer);
    timer = setInterval(beat, PERIOD_MS);
  });
  redis.on('close', () => clearInterval(timer));
}
