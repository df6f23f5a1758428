/** The process with the clients' sockets: it only counts, for it must not be what is measured. */
import { createHistogram } from 'node:perf_hooks';
import { dialectOf } from './dialects/of-server.ts';
import { Client } from './load/client.ts';
import { answerCalls } from './rig/calls.ts';
import { monotonicSeconds } from './rig/clock.ts';
import { cpuSeconds } from './rig/process-figures.ts';
import type { ServerKind } from './types.ts';

const MICROS_A_MS = 1000;

export interface OpenClients {
  server: ServerKind;
  /** Clients are spread over them in turn. */
  ports: readonly number[];
  /** One a client. */
  tokens: readonly string[];
  /** One list a client. */
  topics: ReadonlyArray<readonly string[]>;
  /** Every so manyth client takes latencies; better no divisor of the number of topics, or it samples the same ones. */
  sampleEvery: number;
  unixOffset: number;
}

/** What has come so far, and the CPU that processes have had: read in one turn of this process, so that they belong together. */
export interface Mark {
  /** Monotonic seconds. */
  at: number;
  events: number;
  bytes: number;
  /** Monotonic seconds; 0 before the first. */
  lastEventAt: number;
  /** In the order of the pids asked for. */
  cpuSeconds: number[];
  /** ms, of the events since the last mark; NaN where there were none. */
  p50Ms: number;
  p99Ms: number;
}

export interface ClientCount {
  events: number;
  /** null for a client that takes no latencies and so doesn't know. */
  conflated: number | null;
  /** Why its connection is over; null while it stands. */
  ended: string | null;
}

const latencies = createHistogram({ lowest: 1, highest: 600_000_000, figures: 3 });
const clients: Client[] = [];
const sampled = new Set<Client>();

const calls = {
  /** Opens more clients, all at once; answers when all are ready. @throws when one of them fails */
  async open(options: OpenClients): Promise<void> {
    const dialect = dialectOf(options.server);
    const added = options.tokens.map((token, i) => {
      const takesLatency = i % options.sampleEvery === 0;
      const client = new Client({
        dialect,
        port: options.ports[i % options.ports.length] ?? 0,
        token,
        topics: options.topics[i] ?? [],
        latencies: takesLatency ? latencies : null,
        unixOffset: options.unixOffset,
      });
      if (takesLatency) sampled.add(client);
      return client;
    });
    clients.push(...added);
    await Promise.all(added.map((client) => client.open()));
  },

  /** @param pids processes whose CPU to read */
  mark(pids: readonly number[]): Mark {
    const mark = {
      at: monotonicSeconds(),
      events: clients.reduce((sum, { events }) => sum + events, 0),
      bytes: clients.reduce((sum, { bytes }) => sum + bytes, 0),
      lastEventAt: clients.reduce((last, { lastEventAt }) => Math.max(last, lastEventAt), 0),
      cpuSeconds: pids.map(cpuSeconds),
      p50Ms: latencies.count === 0 ? Number.NaN : latencies.percentile(50) / MICROS_A_MS,
      p99Ms: latencies.count === 0 ? Number.NaN : latencies.percentile(99) / MICROS_A_MS,
    };
    latencies.reset();
    return mark;
  },

  /** Events that have come in all. */
  progress: (): number => clients.reduce((sum, { events }) => sum + events, 0),

  /** In the order the clients were opened. */
  counts: (): ClientCount[] =>
    clients.map((client) => ({
      events: client.events,
      conflated: sampled.has(client) ? client.conflated : null,
      ended: client.ended,
    })),
};

export type GeneratorCalls = typeof calls;

answerCalls(calls);
