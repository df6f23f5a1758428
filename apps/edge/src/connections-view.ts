import type { Connection, Phase } from './connection.ts';

/** How many connections are in each phase. */
export function countByPhase(connections: Iterable<Connection>): Record<Exclude<Phase, 'ended'>, number> {
  const counts = { lobby: 0, checking: 0, seating: 0, seated: 0 };
  for (const { phase } of connections) if (phase !== 'ended') counts[phase] += 1;
  return counts;
}

/**
 * What `/connz` shows of each connection.
 * @param now the connections' clock, ms
 */
export function describeConnections(connections: Iterable<Connection>, now: number): object[] {
  return Array.from(connections, (connection) => ({
    sub: connection.identity?.sub ?? null,
    remote: connection.socket.remoteAddress,
    phase: connection.phase,
    opted_in: connection.optedIn,
    // Who knows a whole seat id can take the seat.
    seat: connection.seat ? `${connection.seat.id.slice(0, 6)}…` : null,
    subscriptions: connection.subscriptions.size,
    buffered_bytes: connection.socket.bufferedBytes(),
    connected_seconds: Math.round((now - connection.openedAt) / 1000),
    expires_at: connection.identity?.expiresAt ?? null,
  }));
}
