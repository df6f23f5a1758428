/** What the parts of the benchmark say to each other, and what it writes down in the end. */

/**
 * A server program under test. All but `tickcast` are `node dist/servers/NAME.js` with BENCH_PORT ('0' for any), BENCH_REDIS_URL
 * and BENCH_SECRET in the environment, and print one line {"port": N} when they listen on 127.0.0.1.
 */
export type ServerKind = 'tickcast' | 'floor' | 'ws' | 'socket-io' | 'bare';

/** How events come into Redis: FCALL of the published Function, PUBLISH, or the emitter of Socket.IO. */
export type PublishKind = 'function' | 'plain' | 'emitter';

/** Where a publisher puts its events. */
export interface Sink {
  /** Sends without waiting; `topic` is `market_data:0700.HK` or `alerts`, `frame` the seed's JSON text. Rejects when Redis refused it. */
  publish(topic: string, frame: string): Promise<unknown>;
  close(): Promise<void> | void;
}

/** Opens a sink; resolves once it is connected. */
export type OpenSink = (redisUrl: string) => Promise<Sink>;

/** One number over all repeats. */
export interface Figure {
  median: number;
  min: number;
  max: number;
  /** E.g. `µs`, `ms`, `/s`, `KiB`, `%`, `x` for a ratio. */
  unit: string;
}

/** What one run of one server says of itself, beside its figures. */
export interface Run {
  repeat: number;
  /** Events given to Redis in the window. */
  published: number;
  /** By how much the publisher was behind its plan at worst, ms; null where it had no plan, or published nothing. */
  latestPublishMs: number | null;
  /** Share of a core, %. */
  serverCpuPercent: number;
  generatorCpuPercent: number;
  redisCpuPercent: number;
  publisherCpuPercent: number;
  /** What shares the other cores had no time left: the figures say what it could take, not what the server can give. */
  othersSaturated: boolean;
  pinned: boolean;
  figures: Record<string, number>;
}

export interface ServerResult {
  figures: Record<string, Figure>;
  runs: Run[];
}

export interface TargetResult {
  /** E.g. `CPU a delivery, ratio to the floor`. */
  what: string;
  /** E.g. `<= 0.45x`. */
  wanted: string;
  /** null where the run gave no such figure. */
  got: number | null;
  reached: boolean;
}

export interface LoadResult {
  name: string;
  /** One line: how many clients, symbols, events. */
  about: string;
  /** By server, e.g. `tickcast`, `floor`, `ws`, `tickcast x 2` for two edges. */
  servers: Record<string, ServerResult>;
  /** By figure: ours divided by the other server's, within one repeat. */
  ratios: Record<string, Figure>;
  targets: TargetResult[];
  /** Where the edge spent its time, the most first; only where that was asked for. */
  profile?: FunctionShare[];
}

/** What a server did at one rate of the ladder. */
interface AtRate {
  server: string;
  /** Events a second and symbol that were published. */
  rate: number;
  deliveriesPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Share of the events that neither came nor were said to be merged into later ones; 1 when connections ended. */
  missing: number;
  /** Share of a core. */
  serverCpuPercent: number;
}

/** One run on the ladder. */
export interface Rung extends AtRate {
  /** The how manieth climb of this server, from 1. */
  climb: number;
  latestPublishMs: number;
  othersSaturated: boolean;
}

/** A rate of the ladder: the medians of its climbs. */
export interface LadderPoint extends AtRate {
  climbs: Rung[];
}

/** A function of the edge, and its share of the time that was not idle, 0 to 1. */
export interface FunctionShare {
  /** With its file and line. */
  function: string;
  share: number;
}

export interface BenchResult {
  meta: {
    date: string;
    node: string;
    cpu: string;
    cores: number;
    redis: string;
    pinned: boolean;
    repeats: number;
    seconds: number;
  };
  loads: LoadResult[];
  ladder: LadderPoint[];
}
