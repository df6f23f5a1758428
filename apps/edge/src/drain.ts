import type { Connection } from './connection.ts';

/**
 * Closes all connections with 1012, evenly over `overMs`, so that the other nodes get them one by one. Those still on
 * their way in leave with the seated ones.
 */
export async function drain(connections: ReadonlySet<Connection>, overMs: number): Promise<void> {
  const leaving = [...connections];
  for (const connection of leaving) {
    if (connection.optedIn) connection.reply({ type: 'status', state: 'draining' });
  }
  const startedAt = performance.now();
  for (const [index, connection] of leaving.entries()) {
    const dueIn = startedAt + (overMs * index) / leaving.length - performance.now();
    if (dueIn > 1) await new Promise((resolve) => setTimeout(resolve, dueIn));
    connection.fail('draining', 1012);
  }
}
