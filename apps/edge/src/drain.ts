import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';

/** How often a drain looks whether those it still waits for have left by themselves. */
const LOOK_MS = 100;
/** Closes that are later than this, after a stall of the process, are not made up for in one go. */
const CATCH_UP_MS = 100;
/** The engine sends what is left for a closed client only while the process lives, and an exit may cut the frame short. */
const LAST_WORDS_MS = 250;

/**
 * Closes all connections with 1012, evenly over `overMs`, so that the other nodes get them one by one. Those still on
 * their way in leave with the seated ones; where some leave by themselves, the others get their time, and a node without
 * any is done early.
 */
export async function drain(connections: ReadonlySet<Connection>, overMs: number): Promise<void> {
  const leaving = [...connections];
  for (const connection of leaving) {
    if (connection.optedIn) connection.reply({ type: 'status', state: 'draining' });
  }
  let dueAt = performance.now();
  const endsAt = dueAt + overMs;
  for (const connection of leaving) {
    await untilDue(connection, dueAt);
    if (connection.ended) continue;
    connection.fail('draining', 1012);
    dueAt = Math.max(dueAt, performance.now() - CATCH_UP_MS);
    dueAt += Math.max(0, endsAt - dueAt) / (connections.size + 1);
  }
  if (leaving.length > 0) await sleep(LAST_WORDS_MS);
}

/** Resolves when it is the connection's turn, or when it has left by itself. */
async function untilDue(connection: Connection, dueAt: number): Promise<void> {
  for (;;) {
    const leftMs = dueAt - performance.now();
    if (connection.ended || leftMs <= 1) return;
    await sleep(Math.min(LOOK_MS, leftMs));
  }
}
