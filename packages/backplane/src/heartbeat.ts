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

    // Whatever comes is a sign of life: behind a long row of commands a PING waits for its turn.
    stream.on('data', () => {
      answeredAt = performance.now();
    });
    const beat = () => {
      const now = performance.now();
      // A process that was itself stopped, or busy, has not read its sockets yet and can judge nobody.
      if (now - beatAt > 2 * PERIOD_MS) answeredAt = now;
      beatAt = now;
      // Not disconnect(), which says goodbye first and waits two seconds for an answer.
      if (now - answeredAt > DEADLINE_MS) stream.destroy();
      // Without an answer the next beats will notice.
      else if (redis.status === 'ready') redis.ping().catch(() => undefined);
    };
    clearInterval(timer);
    timer = setInterval(beat, PERIOD_MS);
  });
  redis.on('close', () => clearInterval(timer));
}
