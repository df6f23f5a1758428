import type { Redis } from 'ioredis';
import type { RedisServer } from '../redis-server.ts';
import type { Accounting } from './accounting.ts';
import type { FormerSeat } from './client.ts';
import { connectDirectly } from './direct-redis.ts';

/** What of the seats a fault may cost: those of clients that are away, or those of a node's clients too. */
export type SeatLoss = 'away' | 'any';

interface Excuse {
  loss: SeatLoss;
  from: number;
  to: number;
}

const SAMPLE_MS = 100;
const LEASE_MS = 15_000;
/** SPEC 1: how long a seat waits for its client after the connection ended, less a second for the ways and a slow start. */
const KEPT_MS: Readonly<Record<number, number>> = { 1006: 9000, 4410: 9000, 1012: 29_000 };

interface SeatingParts {
  redis: RedisServer;
  /** Of the leases in Redis. */
  key: string;
  cap: number;
  accounting: Accounting;
  /** Seated without being one of the clients. */
  others: () => number;
}

/** Watches that the cap is kept, and that nobody loses a seat it has a right to. */
export class Seating {
  readonly #parts: SeatingParts;
  readonly #redis: Redis;
  readonly #timer: NodeJS.Timeout;
  readonly #seated = new Set<string>();
  readonly #excuses: Excuse[] = [];
  /** The most seats that were seen taken or reserved at once. */
  most = 0;
  /** Clients that got their seat back. */
  resumed = 0;
  /** How many connections ended with each close code. */
  readonly closes = new Map<number, number>();

  constructor(parts: SeatingParts) {
    this.#parts = parts;
    this.#redis = connectDirectly(parts.redis.url);
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_MS);
  }

  /** From now until the answer is called, and a lease longer, seats may be lost without fault of the cluster. */
  excuse(loss: SeatLoss): () => void {
    const excuse = { loss, from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.#excuses.push(excuse);
    return () => (excuse.to = performance.now() + 2 * LEASE_MS);
  }

  welcomed(client: string, seat: string, former: FormerSeat | null): void {
    this.#seated.add(client);
    if (!former) return;
    if (former.seat === seat) {
      this.resumed += 1;
      return;
    }
    const kept = KEPT_MS[former.code];
    if (kept === undefined || former.askedAt - former.endedAt > kept) return;
    if (this.#isExcused(former.endedAt - LEASE_MS, ['away', 'any'])) return;
    const away = Math.round(former.askedAt - former.endedAt);
    this.#report('seat', client, `came back ${away} ms after a ${former.code} and did not get its seat back`);
  }

  ended(client: string, code: number, wasSeated: boolean): void {
    this.#seated.delete(client);
    if (wasSeated) this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
    if (code !== 1013 || !wasSeated || this.#isExcused(performance.now(), ['any'])) return;
    this.#report('seat', client, 'was seated and is closed with 1013');
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#redis.disconnect();
  }

  async #sample(): Promise<void> {
    const { cap, key, others } = this.#parts;
    const connected = this.#seated.size + others();
    if (this.#redis.status !== 'ready') return;
    try {
      const seats = await this.#redis.zcard(key);
      this.most = Math.max(this.most, seats);
      if (seats > cap) this.#report('cap', 'registry', `${seats} seats of ${cap}`);
      // A node that is stopped or cut off keeps its sockets (SPEC 1).
      if (connected > cap && !this.#isExcused(performance.now(), ['any'])) {
        this.#report('cap', 'clients', `${connected} connected of ${cap}`);
      }
    } catch {
      // Redis is away.
    }
  }

  #isExcused(since: number, losses: readonly SeatLoss[]): boolean {
    return this.#excuses.some(({ loss, to }) => losses.includes(loss) && to >= since);
  }

  #report(kind: 'seat' | 'cap', where: string, detail: string): void {
    this.#parts.accounting.report({ kind, where, stream: null, detail });
  }
}
