import type { Redis } from 'ioredis';

const PERIOD_MS = 500;
const DEADLINE_MS = 2000;

/**
 * Cuts a connection whose Redis answers nothing for 2 s, so that it reconnects: a stopped or hung Redis keeps TCP
 * healthy for ever. Ends with the connection.
 */
export function keepAlive(redis: Redis): void {
  let stream: unknown;
  let answeredAt = 0;
  let tickedAt = performance.now();

  const beat = () => {
    const now = performance.now();
    // A process that was itself stopped, or busy, has not read its sockets yet and can judge nobody.
    const late = now - tickedAt > 2 * PERIOD_MS;
    tickedAt = now;
    // 'connect' is a connection whose handshake Redis has not answered yet.
    if (redis.status !== 'ready' && redis.status !== 'connect') return;
    if (redis.stream !== stream || late) {
      stream = redis.stream;
      answeredAt = now;
    }
    if (now - answeredAt > DEADLINE_MS) {
      // Not disconnect(), which says goodbye first and waits two seconds for an answer.
      redis.stream.destroy();
      return;
    }
    if (redis.status !== 'ready') return;
    const pinged = redis.stream;
    redis.ping().then(
      () => {
        if (pinged === stream) answeredAt = performance.now();
      },
      () => undefined,
    );
  };
  const timer = setInterval(beat, PERIOD_MS);
  timer.unref();
  redis.once('end', () => clearInterval(timer));
}
