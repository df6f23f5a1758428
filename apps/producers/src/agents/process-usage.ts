import { availableParallelism, freemem, totalmem } from 'node:os';

const SAMPLE_MS = 1000;
const WINDOW_SAMPLES = 10;
const MEBIBYTE = 1_048_576;

/** What a process takes of its machine. */
export interface Usage {
  /** Percent of one core, over the last 10 s: several threads may take more than 100. */
  cpu: number;
  /** Resident memory, MiB. */
  memory: number;
  /** Percent of the memory that this process could have, which is in use: the container's where that is limited. */
  memoryPercent: number;
}

/** Measures this process until it is stopped. */
export function measureUsage(): { read(): Usage; stop(): void } {
  const samples = [sample()];
  const timer = setInterval(() => {
    samples.push(sample());
    if (samples.length > WINDOW_SAMPLES) samples.shift();
  }, SAMPLE_MS);
  timer.unref();

  return {
    read() {
      const from = samples[0] ?? sample();
      const to = sample();
      const percent = ((to.cpuMs - from.cpuMs) / Math.max(to.atMs - from.atMs, 1)) * 100;
      return {
        cpu: round(Math.min(percent, 100 * availableParallelism())),
        memory: round(process.memoryUsage.rss() / MEBIBYTE),
        memoryPercent: round(memoryPercent()),
      };
    },
    stop: () => clearInterval(timer),
  };
}

function sample(): { atMs: number; cpuMs: number } {
  const { user, system } = process.cpuUsage();
  return { atMs: performance.now(), cpuMs: (user + system) / 1000 };
}

function memoryPercent(): number {
  const limit = process.constrainedMemory();
  // Without a limit libuv answers 0, or a number beyond all machines (cgroup v1).
  if (limit > 0 && limit < totalmem()) return (1 - process.availableMemory() / limit) * 100;
  return (1 - freemem() / totalmem()) * 100;
}

function round(value: number): number {
  return Number(Math.max(0, value).toFixed(1));
}
