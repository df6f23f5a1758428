import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connectDirectly, untilConnected } from './chaos/direct-redis.ts';
import { type Arrival, joinCrowd } from './crowd.ts';

const ALERT_EVERY_MS = 250;
/** Twice as often as a symbol's frames may come: some are merged. */
const QUOTE_EVERY_MS = 50;
const KNOCK_EVERY_MS = 50;
const ANSWER_WITHIN_MS = 5000;

export interface BustleOptions {
  redisUrl: string;
  /** `TICKCAST_REDIS_PREFIX` of the nodes. */
  prefix: string;
  /** Of the newcomers. */
  token: string;
  /** URLs at which newcomers knock, in turn. */
  doors(): readonly string[];
  /** Publishes quotes of it too. */
  symbol?: string;
}

/** What goes on around a cluster until it is told to end. */
export interface Bustle {
  /** Of each alert, by its `data.n` less 1, the moment of `performance.now()` when it was handed to Redis. */
  readonly alertsSentAt: readonly number[];
  /** Quotes published so far; their `data.n` counts from 1. */
  readonly quotes: number;
  readonly knocks: readonly Knock[];
  /** Seats that the registry held when it was last looked at. */
  readonly seats: number;
  end(): Promise<{
    /** Alerts published; their `data.n` counts from 1. */
    published: number;
    /** Clients without a seat that asked for one. */
    knocks: number;
    /** Those of them that got it. */
    admitted: number;
    /** The most seats that the registry held at any moment it was looked at. */
    mostSeats: number;
  }>;
}

/** One newcomer. */
export interface Knock {
  /** Moment of `performance.now()`. */
  readonly at: number;
  /** Milliseconds until it had its answer. */
  readonly tookMs: number;
  /**
   * `full`: told so by a node, in either way. `draining`: let in by a node that drained before it was seated, and sent on.
   * `broken`: anything else, or no answer within 5 s.
   */
  readonly outcome: 'seated' | 'full' | 'draining' | 'broken';
  /** What the answer was. */
  readonly answer: string;
}

const bustles = new Set<Bustle>();

/** Ends what still goes on; for `afterEach`. */
export async function quiet(): Promise<void> {
  await Promise.allSettled([...bustles].map((bustle) => bustle.end()));
}

/** Publishes alerts, and quotes where they are wanted, and has newcomers knock at whichever doors there are. */
export async function startBustle(options: BustleOptions): Promise<Bustle> {
  const { redisUrl, prefix, token, doors, symbol } = options;
  const redis = connectDirectly(redisUrl);
  await untilConnected(redis);
  const alertsSentAt: number[] = [];
  const knocks: Knock[] = [];
  let seats = 0;
  let mostSeats = 0;
  let quotes = 0;
  let isOver = false;

  const publishAlerts = async () => {
    while (!isOver) {
      const n = alertsSentAt.push(performance.now());
      const data = { level: 'warning', message: 'rolling', timestamp: Date.now() / 1000, source: 'monitoring', n };
      await publish(redis, `${prefix}{alerts}`, { type: 'alerts', data });
      seats = await redis.zcard(`${prefix}{seats}`);
      mostSeats = Math.max(mostSeats, seats);
      await sleep(ALERT_EVERY_MS);
    }
  };
  const publishQuotes = async () => {
    while (!isOver && symbol !== undefined) {
      const data = { timestamp: Date.now() / 1000, price: 352, volume: 1_000_000, n: ++quotes };
      await publish(redis, `${prefix}{market_data:${symbol}}`, { type: 'market_data', symbol, data });
      await sleep(QUOTE_EVERY_MS);
    }
  };
  const knock = async () => {
    while (!isOver) {
      const open = doors();
      const door = open[knocks.length % open.length];
      if (door !== undefined) knocks.push(await knockAt(door, token));
      await sleep(KNOCK_EVERY_MS);
    }
  };
  const work = Promise.all([publishAlerts(), publishQuotes(), knock()]);
  // It is for `end` to report.
  work.catch(() => undefined);
  const bustle: Bustle = {
    alertsSentAt,
    get quotes() {
      return quotes;
    },
    knocks,
    get seats() {
      return seats;
    },
    async end() {
      isOver = true;
      bustles.delete(bustle);
      await work.finally(() => redis.disconnect());
      const admitted = knocks.filter(({ outcome }) => outcome === 'seated').length;
      return { published: alertsSentAt.length, knocks: knocks.length, admitted, mostSeats };
    },
  };
  bustles.add(bustle);
  return bustle;
}

async function publish(redis: Redis, stream: string, frame: object): Promise<void> {
  await redis.call('FCALL', 'tickcast_publish', '1', stream, JSON.stringify(frame));
}

async function knockAt(door: string, token: string): Promise<Knock> {
  const at = performance.now();
  const newcomer = joinCrowd(door, token);
  const giveUp = setTimeout(() => newcomer.breakOff(), ANSWER_WITHIN_MS);
  const arrival = await newcomer.arrival;
  clearTimeout(giveUp);
  const tookMs = performance.now() - at;
  await newcomer.leave();
  return { at, tookMs, outcome: outcomeOf(arrival), answer: JSON.stringify(arrival) };
}

function outcomeOf(arrival: Arrival): Knock['outcome'] {
  if (arrival.outcome === 'seated') return 'seated';
  if (arrival.outcome === 'refused') {
    return arrival.status === 503 && /^retry-after:/m.test(arrival.headers) ? 'full' : 'broken';
  }
  if (arrival.code === 1012) return 'draining';
  const isFull = arrival.frames.some(({ error }) => error === 'connection_limit_exceeded');
  return arrival.code === 1013 && isFull ? 'full' : 'broken';
}
