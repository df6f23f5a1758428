import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** Where lines go. A reader that is slower than the events holds up whoever writes, and not the memory. */
export interface LineOutput {
  /** Resolves when there is room for more. Nothing happens once the stream is broken. */
  write(line: string): Promise<void>;
  /** Resolves when all is written. */
  end(): Promise<void>;
}

/** @param onBroken called once, with why: EPIPE when the reader of a pipe has had enough */
export function createLineOutput(stream: Writable, onBroken: (error: NodeJS.ErrnoException) => void): LineOutput {
  let isBroken = false;
  stream.once('error', (error) => {
    isBroken = true;
    onBroken(error);
  });
  return {
    async write(line) {
      if (isBroken || stream.write(`${line}\n`)) return;
      // Rejects when the stream breaks, which is told above.
      await once(stream, 'drain').catch(() => undefined);
    },
    async end() {
      if (stream === process.stdout || isBroken) return;
      stream.end();
      await finished(stream).catch(() => undefined);
    },
  };
}
