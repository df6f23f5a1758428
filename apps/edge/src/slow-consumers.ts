import type { Connection } from './connection.ts';

const SWEEP_EVERY_MS = 250;

/**
 * Ends clients that leave more unsent than they may: error `slow_consumer`, close 4410. Looking at all sockets four
 * times a second costs less than asking each at every push.
 */
export function watchSlowConsumers(connections: Iterable<Connection>, maxBufferedBytes: number): () => void {
  const timer = setInterval(() => {
    for (const connection of connections) {
      if (connection.socket.bufferedBytes() > maxBufferedBytes) connection.fail('slow_consumer', 4410);
    }
  }, SWEEP_EVERY_MS);
  return () => clearInterval(timer);
}
