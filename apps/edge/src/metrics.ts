import type { Channel, ErrorCode } from '@tickcast/protocol';
import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import type { Hole } from './stream.ts';

const PREFIX = 'tickcast_';
/**
 * To sample how late the loop is wakes it up, by default 100 times a second: half of all that an idle node did. It is measured
 * when Prometheus asks.
 */
const NEVER_MS = 2 ** 31 - 1;
/** What only samples could tell. */
const SAMPLED = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];

/** Read when Prometheus asks, so that nothing on the hot path keeps them up to date. */
export interface Gauges {
  connectionsByPhase(): Record<string, number>;
  clusterSeats(): number;
  feeds(): number;
  redisUp(): boolean;
  egressBytes(): number;
  /** Frames for every socket that a topic took them to, since the start, and the writes they made. */
  fanout(): { frames: number; writes: number };
  windowMs(): number;
}

/** Everything this node counts, prefix `tickcast_`. */
export class Metrics {
  readonly registry = new Registry();
  readonly #received = this.#counter('events_received_total', 'Events from Redis', ['channel', 'kind']);
  readonly #refused = this.#counter(
    'events_refused_total',
    'Bad frames from Redis, dropped; quotes that a newer one replaced unread are not looked at',
    ['channel'],
  );
  readonly #repeated = this.#counter('events_repeated_total', 'Events seen before, dropped', ['channel']);
  readonly #pushed = this.#counter('events_pushed_total', 'Frames handed to the engine for fan-out', ['channel']);
  readonly #conflated = this.#counter('events_conflated_total', 'Events merged into a newer one', ['channel']);
  readonly #lost = this.#counter('events_lost_total', 'Events declared lost to the clients', ['channel']);
  readonly #healed = this.#counter('events_healed_total', 'Events that Pub/Sub lost, had from the log', ['channel']);
  readonly #behind = this.#counter('streams_found_behind_total', 'Quiet streams whose last event was lost', [
    'channel',
  ]);
  readonly #replays = this.#counter('replays_total', 'Replays of the log begun for a client', ['recovered']);
  readonly #pauses = this.#counter('slow_clients_paused_total', 'Times a client was too slow and was paused', []);
  readonly #redisReached = this.#counter('redis_connections_total', 'Times Redis was reached', []);
  readonly #messages = this.#counter('client_messages_total', 'Messages from clients', ['type']);
  readonly #errors = this.#counter('errors_sent_total', 'Error frames sent to clients', ['error']);
  readonly #opened = this.#counter('connections_opened_total', 'Handshakes upgraded', []);
  readonly #closed = this.#counter('connections_closed_total', 'Connections ended, by close code', ['code']);
  readonly #handshakes = this.#counter('handshakes_refused_total', 'Handshakes answered in HTTP', ['status']);

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: PREFIX, eventLoopMonitoringPrecision: NEVER_MS });
    for (const part of SAMPLED) this.registry.removeSingleMetric(`${PREFIX}nodejs_eventloop_lag_${part}_seconds`);
  }

  /** Registers what is read at scrape time. */
  watch(gauges: Gauges): void {
    this.#gauge('connections', 'Open sockets by phase', ['phase'], (gauge) => {
      for (const [phase, count] of Object.entries(gauges.connectionsByPhase())) gauge.set({ phase }, count);
    });
    this.#gauge('cluster_seats', 'Seats taken in the cluster, as last heard', [], (gauge) =>
      gauge.set(gauges.clusterSeats()),
    );
    this.#gauge('feeds', 'Pub/Sub channels of Redis this node holds', [], (gauge) => gauge.set(gauges.feeds()));
    this.#gauge('redis_up', '1 while Redis answers', [], (gauge) => gauge.set(gauges.redisUp() ? 1 : 0));
    this.#gauge('write_window_milliseconds', 'How long quotes are collected for now, 0 at low load', [], (gauge) =>
      gauge.set(gauges.windowMs()),
    );
    this.#total('egress_bytes_total', 'Bytes of frames handed to the engine, for every client', gauges.egressBytes);
    this.#total('fanout_frames_total', 'Frames that topics took to sockets', () => gauges.fanout().frames);
    this.#total(
      'fanout_writes_total',
      'Writes to sockets that carried them, estimated: a socket that a turn of the loop reached is one',
      () => gauges.fanout().writes,
    );
  }

  received(channel: Channel, numbered: boolean, count: number): void {
    this.#received.inc({ channel, kind: numbered ? 'numbered' : 'raw' }, count);
  }

  refused(channel: Channel): void {
    this.#refused.inc({ channel });
  }

  repeated(channel: Channel): void {
    this.#repeated.inc({ channel });
  }

  pushed(channel: Channel, conflated: number): void {
    this.#pushed.inc({ channel });
    if (conflated > 0) this.#conflated.inc({ channel }, conflated);
  }

  /** Holes of unknown size count as one. */
  lost(channel: Channel, hole: Hole): void {
    this.#lost.inc({ channel }, hole.to === null ? 1 : hole.to - hole.from + 1);
  }

  healed(channel: Channel, events: number): void {
    this.#healed.inc({ channel }, events);
  }

  foundBehind(channel: Channel): void {
    this.#behind.inc({ channel });
  }

  replayed(recovered: boolean): void {
    this.#replays.inc({ recovered: String(recovered) });
  }

  paused(): void {
    this.#pauses.inc();
  }

  redisReached(): void {
    this.#redisReached.inc();
  }

  message(type: string): void {
    this.#messages.inc({ type });
  }

  error(error: ErrorCode): void {
    this.#errors.inc({ error });
  }

  opened(): void {
    this.#opened.inc();
  }

  closed(code: number): void {
    // Clients choose their own codes; a label each would let them grow this table without end.
    this.#closed.inc({ code: KNOWN_CODES.has(code) ? String(code) : 'other' });
  }

  handshakeRefused(status: string): void {
    this.#handshakes.inc({ status: status.slice(0, 3) });
  }

  #counter(name: string, help: string, labelNames: string[], collect = () => undefined as void): Counter {
    return new Counter({ name: PREFIX + name, help, labelNames, registers: [this.registry], collect });
  }

  /** A counter that somebody else keeps. */
  #total(name: string, help: string, read: () => number): void {
    const counter = this.#counter(name, help, [], () => {
      counter.reset();
      counter.inc(read());
    });
  }

  #gauge(name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void): void {
    const gauge = new Gauge({
      name: PREFIX + name,
      help,
      labelNames,
      registers: [],
      collect() {
        collect(this);
      },
    });
    this.registry.registerMetric(gauge);
  }
}

const KNOWN_CODES = new Set([1000, 1001, 1003, 1005, 1006, 1009, 1012, 1013, 4401, 4408, 4409, 4410, 4429]);
