import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EdgeProcess, eventually } from '@tickcast/testing';

const PRELOAD = new URL('shift-clock.mjs', import.meta.url);

/** The wall clock of edges started with `env`. */
export interface ShiftedClock {
  readonly env: NodeJS.ProcessEnv;
  /** Puts the edge's clock that far off the true time; resolves when it is. */
  jump(edge: EdgeProcess, offsetMs: number): Promise<void>;
  remove(): void;
}

export function shiftedClock(): ShiftedClock {
  const directory = mkdtempSync(join(tmpdir(), 'tickcast-clock-'));
  return {
    env: { NODE_OPTIONS: `--import=${PRELOAD.href}?offsets=${encodeURIComponent(directory)}` },
    async jump(edge, offsetMs) {
      writeFileSync(join(directory, String(edge.pid)), String(offsetMs));
      const line = `the clock is off by ${offsetMs} ms`;
      const before = edge.logs().filter((one) => one === line).length;
      edge.signal('SIGUSR2');
      await eventually(() => edge.logs().filter((one) => one === line).length > before);
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}
