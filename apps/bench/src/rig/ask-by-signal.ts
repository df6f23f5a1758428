import { eventually } from '@tickcast/testing';
import type { RunningServer } from './servers.ts';

/** Sends SIGUSR2 to a server that a program of the benchmark was loaded into, and waits until that has printed its answer. */
export async function askBySignal(server: RunningServer, answer: string): Promise<void> {
  const answers = () => server.lines().filter((line) => line === answer).length;
  const before = answers();
  server.signal('SIGUSR2');
  await eventually(() => answers() > before, { withinMs: 30_000 });
}
