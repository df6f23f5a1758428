import type { EndReply, HeldSeat, SeatBudget, Seats, SeatsState, TakeReply } from '@tickcast/backplane';
import type { SeatAfterClose } from '@tickcast/protocol';
import { randomBytes } from 'node:crypto';
import { fullRetryMs } from './answers.ts';
import { BudgetNews } from './budget-news.ts';
import type { Connection } from './connection.ts';
import type { Log } from './log.ts';
import { Turnstile } from './turnstile.ts';

/** SPEC 1 asks for a renewal every 5 s. */
const RENEW_EVERY_MS = 5000;
/**
 * Between two renewals comes an empty call: after 6 s without any, the registry takes the cluster for cut off and holds
 * up admissions, and a busy node can be a second late.
 */
const CALLS_A_RENEWAL = 2;
const RETRY_MS = 1000;
/** A thousand clients at once must not make their own calls time out. */
const TAKES_AT_ONCE = 64;
/** Seats of one call: some hundred microseconds of Redis's time. */
const BATCH = 500;
/** Bucket of a seat in use, ms until it is full. */
const EMPTY_MS = 1000;
/** SPEC 1: how long a node may act on having heard that the cluster is full. */
const FULL_KNOWN_MS = 500;
/** SPEC 1: the seat of a client sent away by a drain waits this long for it. */
const HANDOVER_MS = 30_000;

export type TakeOutcome = 'seated' | { full: true } | { holdMs: number };

interface SeatKeeperParts {
  seats: Seats;
  seatTtlMs: number;
  maxSeats: number;
  /** The connections' clock, ms. */
  now: () => number;
  log: Log;
}

/** Keeps the seats of this node's clients: takes, renews and gives them back. */
export class SeatKeeper {
  readonly #parts: SeatKeeperParts;
  readonly #callEveryMs: number;
  readonly #taking = new Turnstile(TAKES_AT_ONCE);
  readonly #budgetNews = new BudgetNews();
  /** Calls under way that take seats or give them back. */
  readonly #underWay = new Set<Promise<unknown>>();
  /** By seat id, the longest seated first: those that no longer fit after an outage go youngest first. */
  readonly #held = new Map<string, Connection>();
  /** Those whose seats are being reserved: a renewal would be told that they are taken. */
  readonly #leaving = new Set<Connection>();
  #timer: NodeJS.Timeout | null = null;
  #calls = 0;
  #calling = false;
  /** A renewal was asked for while a call was under way. */
  #again = false;
  #failing = false;
  #registry: string | null = null;
  #count = 0;
  #fullHeardAt = Number.NEGATIVE_INFINITY;

  constructor(parts: SeatKeeperParts) {
    this.#parts = parts;
    this.#callEveryMs = Math.min(RENEW_EVERY_MS, parts.seatTtlMs / 3) / CALLS_A_RENEWAL;
  }

  /** Seats taken in the cluster, as last heard. */
  get clusterCount(): number {
    return this.#count;
  }

  /** Whether this node heard within the last half second that every seat is taken. */
  get isClusterFull(): boolean {
    return performance.now() - this.#fullHeardAt < FULL_KNOWN_MS;
  }

  /** Waits until nothing is being taken or given back: of a take whose client is gone, the giving back follows. */
  async settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /**
   * Takes a seat for a client whose token was checked, the one it asks for if it is still its own.
   * @throws BackplaneUnavailableError
   */
  async take(connection: Connection, wanted: string | null): Promise<TakeOutcome> {
    const sub = connection.identity?.sub ?? '';
    const newId = randomBytes(16).toString('base64url');
    const result = await this.#remember(this.#taking.run(() => this.#take(sub, newId, wanted)));
    this.#heard(result);
    if (result.status === 'hold') return { holdMs: result.waitMs };
    if (result.status === 'full') {
      this.#fullHeardAt = performance.now();
      return { full: true };
    }
    connection.seat = { id: result.id, gen: result.gen };
    const before = this.#held.get(result.id);
    connection.seatDeficitMs = before?.budget?.deficitMs(this.#parts.now()) ?? result.deficitMs;
    if (connection.ended) {
      // Nobody knows of a new seat whose client left meanwhile; one it came back to stays reserved.
      this.#giveBack(connection, result.resumed ? 'reserved' : 'free');
      return 'seated';
    }
    // Held from here on: while it waits for its bucket below, somebody else may take the seat over again.
    before?.close(4409);
    this.#held.set(result.id, connection);
    // An empty bucket is what Redis says of a seat in use: its node knows better, unless it has crashed.
    if (result.resumed && !before && result.deficitMs >= EMPTY_MS) {
      connection.seatDeficitMs = (await this.#budgetNews.of(result.id, result.gen)) ?? result.deficitMs;
    }
    return 'seated';
  }

  async #take(sub: string, newId: string, wanted: string | null): Promise<TakeReply> {
    try {
      return await this.#parts.seats.take({ sub, newId, ...(wanted === null ? {} : { seat: wanted }) });
    } catch (error) {
      // It may have been taken all the same, and nobody would sit on it.
      void this.#track(this.#parts.seats.release({ id: newId, sub, gen: 1, deficitMs: 0 }));
      throw error;
    }
  }

  /**
   * Reserves the seat of a client that is about to be sent away; resolves when Redis has it, or can't be reached. Before the
   * close: told first, the client may be back at another node before Redis knows what its bucket was.
   */
  async handOver(connection: Connection): Promise<void> {
    const lease = this.#leaseOf(connection);
    if (!lease || this.#held.get(lease.id) !== connection) return;
    this.#leaving.add(connection);
    await this.#track(this.#parts.seats.reserve({ ...lease, ms: HANDOVER_MS }));
    this.#leaving.delete(connection);
    // A client that has said goodbye meanwhile has given it back.
    if (this.#held.get(lease.id) === connection) this.#held.delete(lease.id);
  }

  /** A connection has ended: its seat goes the way SPEC 1 says for that end. */
  ended(connection: Connection, fate: SeatAfterClose): void {
    const { seat } = connection;
    if (!seat || this.#held.get(seat.id) !== connection) return;
    this.#held.delete(seat.id);
    this.#giveBack(connection, fate);
  }

  /** Another connection, on any node, has taken a seat over. */
  taken(id: string, gen: number): void {
    const connection = this.#held.get(id);
    if (!connection?.seat || connection.seat.gen >= gen) return;
    const deficitMs = connection.budget?.deficitMs(this.#parts.now());
    // Best effort: without it the other node starts from an empty bucket.
    if (deficitMs !== undefined) this.#parts.seats.tellBudget({ id, gen, deficitMs }).catch(() => undefined);
    connection.close(4409);
  }

  /** The node that had a seat before tells of its bucket. */
  budgetTold(budget: SeatBudget): void {
    this.#budgetNews.told(budget);
  }

  /** Redis is reached: every lease is renewed at once, before another node's client gets the place. */
  renewNow(): void {
    if (this.#calling) {
      // Its answer may be what asks for this, so it goes on first.
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#calls = 0;
    this.#schedule(0);
  }

  #schedule(delayMs: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#call(), delayMs);
  }

  async #call(): Promise<void> {
    this.#calling = true;
    let delay = this.#callEveryMs;
    try {
      const connections = this.#calls % CALLS_A_RENEWAL === 0 ? [...this.#held.values()] : [];
      for (let start = 0; start === 0 || start < connections.length; start += BATCH) {
        await this.#renewBatch(connections.slice(start, start + BATCH));
      }
      this.#calls += 1;
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#parts.log.warn({ err: error }, 'could not renew the seats; trying every second');
      this.#failing = true;
      delay = RETRY_MS;
    } finally {
      this.#calling = false;
      if (this.#timer && this.#again) this.renewNow();
      else if (this.#timer) this.#schedule(delay);
    }
  }

  async #renewBatch(connections: Connection[]): Promise<void> {
    const leases = connections.flatMap((connection) => {
      const lease = this.#leaseOf(connection);
      return connection.ended || this.#leaving.has(connection) || !lease ? [] : [{ connection, lease }];
    });
    const reply = await this.#parts.seats.renew(leases.map(({ lease }) => lease));
    this.#heard(reply);
    for (const [index, { connection }] of leases.entries()) {
      if (reply.results[index] === 'taken') connection.close(4409);
      else if (reply.results[index] === 'full') {
        connection.fail('connection_limit_exceeded', 1013, {
          retryAfterMs: fullRetryMs(),
          params: { limit: this.#parts.maxSeats },
        });
      }
    }
  }

  #leaseOf(connection: Connection): HeldSeat | null {
    const { seat, identity, budget } = connection;
    if (!seat) return null;
    const deficitMs = Math.ceil(budget ? budget.deficitMs(this.#parts.now()) : connection.seatDeficitMs);
    return { id: seat.id, gen: seat.gen, sub: identity?.sub ?? '', deficitMs };
  }

  #giveBack(connection: Connection, fate: SeatAfterClose): void {
    const lease = this.#leaseOf(connection);
    if (!lease || fate === 'none' || fate === 'handed_over') return;
    const { seats } = this.#parts;
    void this.#track(fate === 'free' ? seats.release(lease) : seats.reserve(lease));
  }

  #track(call: Promise<EndReply>): Promise<void> {
    return this.#remember(
      call.then(
        (reply) => this.#heard(reply),
        (error: unknown) => {
          const reason = (error as Error).message;
          this.#parts.log.warnSparsely({ reason }, 'could not give a seat back; it is free when its lease ends');
        },
      ),
    );
  }

  async #remember<T>(call: Promise<T>): Promise<T> {
    this.#underWay.add(call);
    try {
      return await call;
    } finally {
      this.#underWay.delete(call);
    }
  }

  #heard({ count, registry }: SeatsState): void {
    // Redis lost the seats: those of this node must be there again before new ones are given.
    if (this.#registry !== null && registry !== this.#registry) this.renewNow();
    this.#registry = registry;
    this.#count = count;
    if (count < this.#parts.maxSeats) this.#fullHeardAt = Number.NEGATIVE_INFINITY;
  }
}
