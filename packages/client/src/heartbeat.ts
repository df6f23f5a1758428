/** Of a ping interval: how often it looks, and from when a silence is told and is death. */
const TICK = 1 / 4;
const SILENT = 1.5;
const DEAD = 2.5;
/** So many times in a row the timer may be held up before the silence counts all the same. */
const MAX_HELD_UP = 2;
/** A request is given a ping interval, but never less than a busy machine may take. */
const MIN_REPLY_MS = 1000;

interface HeartbeatParts {
  intervalMs: number;
  ping(): void;
  /** Whether nothing was heard for a while; called when it changes. */
  silent(isSilent: boolean): void;
  dead(): void;
}

export interface Heartbeat {
  /** Something came, whatever it was. */
  heard(): void;
  /** The first time counts, until it is answered. */
  asked(id: string): void;
  answered(id: string): void;
  stop(): void;
}

/**
 * Finds out whether the peer lives. A timer that was held up itself (a tab in the background, a laptop that slept) can't
 * judge: it pings, and judges by what comes then.
 */
export function startHeartbeat({ intervalMs, ping, silent, dead }: HeartbeatParts): Heartbeat {
  /** When the unanswered requests were made. */
  const requests = new Map<string, number>();
  const replyMs = Math.max(intervalMs, MIN_REPLY_MS);
  let tickedAt = performance.now();
  let heardAt = tickedAt;
  let ticks = 1;
  let heldUp = 0;
  let wasSilent = false;

  const tell = (isSilent: boolean) => {
    if (isSilent !== wasSilent) silent((wasSilent = isSilent));
  };
  const timer = setInterval(() => {
    const now = performance.now();
    const isLate = now - tickedAt > 3 * TICK * intervalMs;
    tickedAt = now;
    if (isLate && heldUp++ < MAX_HELD_UP) {
      heardAt = now;
      ticks = 0;
      for (const id of requests.keys()) requests.set(id, now);
    }
    const silence = (now - heardAt) / intervalMs;
    if (silence >= DEAD || heldUp > MAX_HELD_UP || [...requests.values()].some((at) => now - at > replyMs)) {
      dead();
      return;
    }
    if (silence >= SILENT) tell(true);
    if ((ticks++ * TICK) % 1 === 0) ping();
  }, intervalMs * TICK);

  return {
    heard() {
      heardAt = performance.now();
      heldUp = 0;
      tell(false);
    },
    asked: (id) => requests.has(id) || requests.set(id, performance.now()),
    answered: (id) => requests.delete(id),
    stop: () => clearInterval(timer),
  };
}
