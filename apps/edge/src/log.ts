import { type Logger, pino } from 'pino';

/** Bad frames come in floods; one line a second tells the operator, the counter tells the number. */
const BAD_FRAME_EVERY_MS = 1000;

export type Log = Logger & { badFrame(feed: string, problem: string): void };

/**
 * JSON lines on standard output. Everything a client or publisher sent is a value in the line, so it can't forge one
 * (CWE-117); tokens are never handed to it.
 */
export function createLog(level: string, node: string): Log {
  const logger = pino({ level, base: { node } });
  let lastBadFrame = Number.NEGATIVE_INFINITY;
  return Object.assign(logger, {
    badFrame(feed: string, problem: string) {
      const now = performance.now();
      if (now - lastBadFrame < BAD_FRAME_EVERY_MS) return;
      lastBadFrame = now;
      logger.warn({ feed: feed.slice(0, 128), problem: problem.slice(0, 200) }, 'dropped a bad frame from Redis');
    },
  });
}
