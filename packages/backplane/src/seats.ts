import { randomUUID } from 'node:crypto';
import type { Commands } from './connections.ts';
import { BackplaneUnavailableError } from './errors.ts';
import { luaScript } from './lua-script.ts';
import type { Names } from './names.ts';

export interface SeatsOptions {
  redis: Commands;
  names: Names;
  /** Id of this node, told to the others at take-overs. */
  node: string;
  /** Length of a lease. */
  ttlMs: number;
  /** Seats of the whole cluster. */
  maxSeats: number;
}

/** What every reply tells. */
export interface SeatsState {
  /** Seats taken or reserved in the cluster, at the moment of the reply. */
  readonly count: number;
  /** Which registry answered; another one than before means that Redis lost its seats: renew all of them now. */
  readonly registry: string;
  /** How long new admissions still wait; 0 when they don't. */
  readonly holdMs: number;
}

/** A seat as its node knows it. */
export interface HeldSeat {
  readonly id: string;
  readonly sub: string;
  readonly gen: number;
  /** The bucket's state: ms until it is full, 0 (full) to 1000 (empty). */
  readonly deficitMs: number;
}

export interface TakeRequest {
  readonly sub: string;
  /** What the client brought as its seat: anything. */
  readonly seat?: string;
  /** For a new seat: unguessable, 1 to 64 of `A-Za-z0-9_-`. */
  readonly newId: string;
}

export interface Seated extends SeatsState {
  readonly status: 'seated';
  readonly id: string;
  readonly gen: number;
  readonly deficitMs: number;
  /** Whether it is the seat that the client brought. */
  readonly resumed: boolean;
}

export interface NotSeated extends SeatsState {
  readonly status: 'full';
}

export interface SeatOnHold extends SeatsState {
  readonly status: 'hold';
  readonly waitMs: number;
}

export type TakeReply = Seated | NotSeated | SeatOnHold;

/** `taken`: somebody else has it, or it was ended; `full`: its lease had ended, and there is no room. */
export type RenewResult = 'ok' | 'taken' | 'full';

export interface RenewReply extends SeatsState {
  /** In the order of the request. */
  readonly results: readonly RenewResult[];
}

export interface EndReply extends SeatsState {
  /** False when the seat was not this connection's any more, and was left as it is. */
  readonly done: boolean;
}

/**
 * The cluster's seats. Every call throws BackplaneUnavailableError when Redis does not answer, and may have taken effect
 * then. `renew`, `release` and `reserve` can be called again; a `take` can be with `newId` as the `seat`.
 */
export interface Seats {
  take(request: TakeRequest): Promise<TakeReply>;
  /**
   * Renews leases, oldest connection first: those come first where there is not room for all. Also, with an empty list,
   * the sign that the cluster is alive: after 6 s without any call from anybody, admissions are held up.
   */
  renew(list: readonly HeldSeat[]): Promise<RenewReply>;
  /** Frees a seat at once. */
  release(seat: HeldSeat): Promise<EndReply>;
  /** Tells whoever took a seat over under `gen` what its bucket was: Redis does not know the bucket of a seat in use. */
  tellBudget(seat: SeatBudget): Promise<void>;
  /** Leaves the seat to its client until its lease ends, or for `ms` from now. */
  reserve(seat: HeldSeat & { readonly ms?: number }): Promise<EndReply>;
}

/** The bucket that came with a take-over, from the node that had the seat before. */
export interface SeatBudget {
  readonly id: string;
  readonly gen: number;
  readonly deficitMs: number;
}

/** One take-over, from the channel `names.seats.takenChannel`: connections with a lower `gen` have lost the seat. */
export interface TakeOver {
  readonly id: string;
  readonly gen: number;
  readonly node: string;
}

const SEAT_ID = /^[A-Za-z0-9_-]{1,64}$/;
/** How long after it was sent a take may be carried out: a little longer than anybody waits for its answer. */
const TAKE_LIFE_MS = 1000;
/** What clocks may drift apart between two replies. */
const DRIFT_MS = 1;
/** Redis does nothing else meanwhile: this many take it 2 to 3 ms. */
const RENEWALS_A_CALL = 250;
const RESULTS: Readonly<Record<string, RenewResult>> = { o: 'ok', t: 'taken', f: 'full' };

const scripts = {
  take: luaScript('seat-common', 'seat-take'),
  renew: luaScript('seat-common', 'seat-renew'),
  release: luaScript('seat-common', 'seat-release'),
  reserve: luaScript('seat-common', 'seat-reserve'),
};

const wholeMs = (deficitMs: number) => Math.ceil(Math.max(0, Math.min(1000, deficitMs)));

export function createSeats({ redis, names, node, ttlMs, maxSeats }: SeatsOptions): Seats {
  let remembered = '';
  /** What Redis's clock is ahead of this process's, at least; null before the first reply. */
  let clockAheadMs: number | null = null;

  async function call(script: keyof typeof scripts, args: ReadonlyArray<string | number>): Promise<unknown[]> {
    const common = [remembered, randomUUID(), ttlMs, maxSeats, node];
    const reply = await scripts[script](redis, names.seats.key, [...common, ...args]);
    if (!Array.isArray(reply)) throw new BackplaneUnavailableError(`seat-${script} answered no list`);
    return reply;
  }

  /** The last four of every reply. */
  function stateOf(reply: readonly unknown[]): SeatsState {
    const [count, registry, holdMs, nowMs] = reply.slice(-4);
    remembered = String(registry);
    // A reply that was slow says less than the true difference.
    clockAheadMs = Math.max(Number(nowMs) - performance.now(), (clockAheadMs ?? Number.NEGATIVE_INFINITY) - DRIFT_MS);
    return { count: Number(count), registry: remembered, holdMs: Number(holdMs) };
  }

  async function callInTime(args: ReadonlyArray<string | number>): Promise<{ reply: unknown[]; state: SeatsState }> {
    const notAfter = clockAheadMs === null ? 0 : Math.ceil(performance.now() + clockAheadMs + TAKE_LIFE_MS);
    const reply = await call('take', [...args, notAfter]);
    return { reply, state: stateOf(reply) };
  }

  return {
    async take({ sub, seat, newId }) {
      const args = [sub, seat !== undefined && SEAT_ID.test(seat) ? seat : '', newId];
      let { reply, state } = await callInTime(args);
      // Redis's clock has jumped, which the reply has told.
      if (reply[0] === 'late') ({ reply, state } = await callInTime(args));
      if (reply[0] === 'late') throw new BackplaneUnavailableError('Redis took too long to give a seat');
      if (reply[0] === 'full') return { status: 'full', ...state };
      if (reply[0] === 'hold') return { status: 'hold', waitMs: state.holdMs, ...state };
      const [, id, gen, deficitMs, resumed] = reply;
      return {
        status: 'seated',
        id: String(id),
        gen: Number(gen),
        deficitMs: Number(deficitMs),
        resumed: resumed === 1,
        ...state,
      };
    },
    async renew(list) {
      const results: RenewResult[] = [];
      for (let from = 0; ; from += RENEWALS_A_CALL) {
        const some = list.slice(from, from + RENEWALS_A_CALL);
        const args = some.flatMap(({ id, sub, gen, deficitMs }) => [id, sub, gen, wholeMs(deficitMs)]);
        const reply = await call('renew', args);
        for (const letter of String(reply[0])) results.push(RESULTS[letter] ?? 'full');
        const state = stateOf(reply);
        if (from + RENEWALS_A_CALL >= list.length) return { results, ...state };
      }
    },
    async release({ id, sub, gen, deficitMs }) {
      const reply = await call('release', [id, sub, gen, wholeMs(deficitMs)]);
      return { done: reply[0] === 1, ...stateOf(reply) };
    },
    async tellBudget({ id, gen, deficitMs }) {
      await redis.publish(names.seats.takenChannel, `=${id} ${gen} ${wholeMs(deficitMs)}`);
    },
    async reserve({ id, sub, gen, deficitMs, ms }) {
      const reply = await call('reserve', [id, sub, gen, wholeMs(deficitMs), ms ?? '']);
      return { done: reply[0] === 1, ...stateOf(reply) };
    },
  };
}

/** Reads a message of `names.seats.takenChannel`; null when it is not one. */
export function decodeTakeOver(message: Buffer): TakeOver | null {
  const [, id, gen, node] = /^([A-Za-z0-9_-]{1,64}) (\d{1,16}) (.*)$/s.exec(textOf(message)) ?? [];
  if (id === undefined || node === undefined) return null;
  return { id, gen: Number(gen), node };
}

/** Reads a message of `names.seats.takenChannel`; null when it is not of a budget. */
export function decodeSeatBudget(message: Buffer): SeatBudget | null {
  const [, id, gen, deficitMs] = /^=([A-Za-z0-9_-]{1,64}) (\d{1,16}) (\d{1,4})$/.exec(textOf(message)) ?? [];
  if (id === undefined) return null;
  return { id, gen: Number(gen), deficitMs: Number(deficitMs) };
}

/** Anybody who may PUBLISH can send what is no news of a seat, and megabytes of it. */
function textOf(message: Buffer): string {
  return message.toString('utf8', 0, 512);
}
