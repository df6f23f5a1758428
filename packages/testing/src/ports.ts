import { createServer } from 'node:net';

// Below the usual ephemeral ranges (Linux 32768+, macOS 49152+): a port from those may be taken by any outgoing
// connection between being found free and being listened on.
const FIRST = 20_000;
const COUNT = 12_000;

/** Workers of jest draw from lanes of their own: two that draw the same port before either listens take each other's server for theirs. */
const LANES = 8;
const LANE = Number(process.env['JEST_WORKER_ID'] ?? 0) % LANES;

const handedOut = new Set<number>();

/**
 * A TCP port of 127.0.0.1 on which nothing listens, never the same twice from one process. Random, so that processes seldom
 * meet; whoever listens on it still has to retry on EADDRINUSE.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor((Math.random() * COUNT) / LANES) * LANES + LANE;
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
