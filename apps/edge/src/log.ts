import { type Logger, pino } from 'pino';

const SPARSE_EVERY_MS = 1000;

export type Log = Logger & {
  /** Warns of what comes in floods: one line a second and message, with the number of those left out. */
  warnSparsely(fields: Record<string, unknown>, message: string): void;
};

/**
 * JSON lines on standard output. Everything a client or publisher sent is a value in the line, so it can't forge one
 * (CWE-117); tokens are never handed to it.
 */
export function createLog(level: string, node: string): Log {
  const logger = pino({ level, base: { node } });
  const said = new Map<string, { at: number; leftOut: number }>();
  return Object.assign(logger, {
    warnSparsely(fields: Record<string, unknown>, message: string) {
      const now = performance.now();
      const last = said.get(message);
      if (last && now - last.at < SPARSE_EVERY_MS) {
        last.leftOut += 1;
        return;
      }
      said.set(message, { at: now, leftOut: 0 });
      logger.warn({ ...fields, ...(last?.leftOut ? { left_out: last.leftOut } : {}) }, message);
    },
  });
}
