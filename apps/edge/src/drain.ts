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
 *
 * @param handOver called before each close; resolves when the client may come back elsewhere
 */
export async function drain(
  connections: ReadonlySet<Connection>,
  overMs: number,
  handOver: (connection: Connection) => Promise<void>,
): Promise<void> {
  const leaving = [...connections];
  for (const connection of leaving) {
    if (connection.optedIn) connection.reply({ type: 'status', state: 'draining' });
  }
  const sentAway: Promise<void>[] = [];
  let going = 0;
  let dueAt = performance.now();
  const endsAt = dueAt + overMs;
  for (const connection of leaving) {
    await untilDue(connection, dueAt);
    if (connection.ended) continue;
    const sendAway = async () => {
      going += 1;
      await handOver(connection);
      going -= 1;
      connection.fail('draining', 1012);
    };
    sentAway.push(sendAway());
    dueAt = Math.max(dueAt, performance.now() - CATCH_UP_MS);
    dueAt += Math.max(0, endsAt - dueAt) / Math.max(1, connections.size - going + 1);
  }
  await Promise.all(sentAway);
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
