import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { connectDirectly, untilConnected } from './direct-redis.ts';
import { type ChannelName, PublishedStream } from './published.ts';

/** A stream with its rate. */
export interface Source {
  stream: PublishedStream;
  /** Events a second. */
  rate: number;
  /** Bytes of filling in each event. */
  padding?: number;
}

export interface Publishers {
  /** Resolves once what is published reaches Redis. @throws when it does not within 10 s */
  connected(): Promise<void>;
  /** Changes the rate of a stream, in events a second. */
  setRate(name: string, rate: number): void;
  /** Publishes so many events of a stream in one go, besides its rate, each with so many bytes of filling. Resolves when Redis has answered them. */
  burst(name: string, count: number, padding?: number): Promise<void>;
  /** No more events until `resume`; resolves when all that were sent are answered or given up. */
  pause(): Promise<void>;
  resume(): void;
  close(): void;
}

const AGENT_STATES = ['idle', 'running', 'running', 'running', 'paused', 'error'];
const FINAL_STATES = ['completed', 'failed', 'cancelled'];
/** Batches this far apart carry rates that timers could not. */
const SHORTEST_MS = 10;

/**
 * Publishes every stream at its rate through the Function, each one event after the other. A failed FCALL is not tried again.
 * No call has a time-out: one that was given up could still be run by a Redis that was only stopped, after a later one.
 */
export function startPublishers(
  redisUrl: string,
  prefix: string,
  sources: readonly Source[],
  random: () => number,
): Publishers {
  const redis = connectDirectly(redisUrl);
  const outlets = new Map(sources.map((source) => [source.stream.name, createOutlet(redis, prefix, source, random)]));
  let running = true;
  let paused = false;

  const run = async (outlet: Outlet): Promise<void> => {
    let due = 0;
    let at = performance.now();
    while (running) {
      const rate = Math.max(outlet.rate, 0.01);
      await sleep(Math.min(250, Math.max(SHORTEST_MS, (1000 / rate) * (0.5 + random()))));
      const now = performance.now();
      // What could not be published while Redis was away is not made up for.
      due = Math.min(due + ((now - at) / 1000) * outlet.rate, Math.max(1, outlet.rate / 10));
      at = now;
      const count = Math.floor(due);
      if (count === 0 || !running || paused || redis.status !== 'ready') continue;
      due -= count;
      await outlet.publish(count);
    }
  };
  for (const outlet of outlets.values()) void run(outlet);

  return {
    connected: () => untilConnected(redis),
    setRate(name, rate) {
      outletOf(name).rate = rate;
    },
    burst: (name, count, padding) => outletOf(name).publish(count, padding),
    async pause() {
      paused = true;
      await Promise.all([...outlets.values()].map((outlet) => outlet.idle()));
    },
    resume() {
      paused = false;
    },
    close() {
      running = false;
      redis.disconnect();
    },
  };

  function outletOf(name: string): Outlet {
    const outlet = outlets.get(name);
    if (!outlet) throw new Error(`there is no stream ${name}`);
    return outlet;
  }
}

interface Outlet {
  rate: number;
  /** Resolves when every event has its answer, or none will come. */
  publish(count: number, padding?: number): Promise<void>;
  idle(): Promise<void>;
}

function createOutlet(redis: Redis, prefix: string, source: Source, random: () => number): Outlet {
  const { stream } = source;
  const name = redisName(prefix, stream.channel, stream.key);
  let state = 'idle';
  let last: Promise<unknown> = Promise.resolve();

  const publishOne = async (filling: string): Promise<void> => {
    if (stream.channel === 'agent_status' && random() < 0.2) state = AGENT_STATES[Math.floor(random() * 6)] ?? 'idle';
    if (stream.channel === 'backtest_progress') {
      state = random() < 0.05 ? (FINAL_STATES[Math.floor(random() * 3)] ?? 'failed') : 'running';
    }
    const n = stream.send(state);
    const frame = frameOf(stream.channel, stream.key, state, { n, ...(filling && { filling }) });
    try {
      stream.answered(n, Number(await redis.call('FCALL', 'tickcast_publish', '1', name, JSON.stringify(frame))));
    } catch (error) {
      // Either Redis said no, or it was never sent; else the connection broke with the call under way.
      const certain = (error as Error).name === 'ReplyError' || /isn't writeable/.test((error as Error).message);
      if (certain) stream.refused(n);
      else stream.unknown(n);
    }
  };
  return {
    rate: source.rate,
    async publish(count, padding = source.padding ?? 0) {
      const filling = 'x'.repeat(padding);
      // One connection keeps their order.
      const answers = Promise.all(Array.from({ length: count }, () => publishOne(filling)));
      last = Promise.all([last, answers]);
      await answers;
    },
    idle: async () => void (await last),
  };
}

/** PROTOCOL.md, section 12. */
function redisName(prefix: string, channel: ChannelName, key: string | null): string {
  if (channel === 'market_data') return `${prefix}{market_data:${key}}`;
  return key === null ? `${prefix}{${channel}}` : `${prefix}{${channel}}:${key}`;
}

function frameOf(channel: ChannelName, key: string | null, status: string, more: object): object {
  const now = Date.now() / 1000;
  if (channel === 'market_data') {
    return { type: channel, symbol: key, data: { timestamp: now, price: 100, volume: 1, ...more } };
  }
  if (channel === 'agent_status') {
    const data = { status, cpu_usage: 1, memory_usage: 1, task_queue_size: 0, last_update: now };
    return { type: channel, agent_id: key, data: { ...data, ...more } };
  }
  if (channel === 'backtest_progress') {
    const data = {
      progress: 0.5,
      current_date: '2022-06-15',
      total_days: 9,
      completed_days: 1,
      estimated_remaining: 1,
    };
    return { type: channel, backtest_id: key, data: { ...data, status, ...more } };
  }
  return { type: channel, data: { level: 'info', message: 'chaos', source: 'chaos', timestamp: now, ...more } };
}

/** The streams of a run: quotes, agents, backtests and the alerts, all at modest rates. */
export function createStreams(): Source[] {
  const make = (channel: ChannelName, key: string | null, rate: number, padding = 0): Source => ({
    stream: new PublishedStream(channel, key),
    rate,
    padding,
  });
  return [
    make('alerts', null, 4),
    ...Array.from({ length: 8 }, (_, index) => make('market_data', `SYM${index}`, [0.2, 1, 3, 8][index % 4] ?? 1)),
    make('market_data', HOT_SYMBOL, 4),
    make('market_data', FAT_SYMBOL, 0.5, 60_000),
    make('market_data', FRESH_SYMBOL, 0),
    ...Array.from({ length: 4 }, (_, index) => make('agent_status', `agent${index}`, [0.2, 1, 2, 5][index % 4] ?? 1)),
    ...Array.from({ length: 3 }, (_, index) => make('backtest_progress', `bt${index}`, [0.3, 1, 4][index % 3] ?? 1)),
  ];
}

/** A symbol that faults make busy. */
export const HOT_SYMBOL = 'HOT';
/** A symbol that has clients, and nothing is published of until a fault does. */
export const FRESH_SYMBOL = 'FRESH';
/** A symbol of large frames, for clients that read slowly. */
export const FAT_SYMBOL = 'FAT';
