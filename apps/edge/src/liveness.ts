import type { Connection } from './connection.ts';

const PING_EVERY_MS = 10_000;
/** SPEC 5: a peer that answers nothing at all, not even pings, for this long is gone. */
const HALF_OPEN_MS = 30_000;
const EXPIRY_NOTICE_MS = 60_000;
/** A client may opt in when its notice was due already. */
const NOTICE_STEP_MS = 1000;

/**
 * Looks after one seated connection: its token's end, its idle time, its pings.
 * @param now the connections' clock, ms
 * @returns ms until the next look, or null when the connection has been ended
 */
export function checkLiveness(connection: Connection, now: number, idleTimeoutMs: number): number | null {
  const activeAt = Math.max(connection.activeAt, connection.subscriptions.lastPushAt());
  const expiresInMs = (connection.identity?.endsAt ?? 0) * 1000 - Date.now();
  if (expiresInMs <= 0) {
    connection.fail('token_expired', 4401);
    return null;
  }
  if (now - activeAt >= idleTimeoutMs) {
    connection.fail('idle_timeout', 4408, { params: { seconds: idleTimeoutMs / 1000 } });
    return null;
  }
  if (now - connection.heardAt >= HALF_OPEN_MS) {
    connection.socket.cut();
    return null;
  }
  if (now - connection.pingedAt >= PING_EVERY_MS) {
    connection.pingedAt = now;
    connection.socket.ping();
  }
  if (expiresInMs <= EXPIRY_NOTICE_MS && connection.optedIn && !connection.expiryAnnounced) {
    connection.expiryAnnounced = true;
    connection.reply({ type: 'token_expiring', expires_at: connection.identity?.expiresAt });
  }
  const isNoticeOpen = expiresInMs <= EXPIRY_NOTICE_MS && !connection.expiryAnnounced;
  const untilExpiryStep = expiresInMs > EXPIRY_NOTICE_MS ? expiresInMs - EXPIRY_NOTICE_MS : expiresInMs;
  return Math.min(
    connection.pingedAt + PING_EVERY_MS - now,
    activeAt + idleTimeoutMs - now,
    connection.heardAt + HALF_OPEN_MS - now,
    untilExpiryStep,
    isNoticeOpen ? NOTICE_STEP_MS : Infinity,
  );
}
