import type { MarketData, Received } from '@tickcast/client';
import { quantile } from './statistics.ts';

export interface Figures {
  clients: number;
  published: number;
  /** From the first quote to the last. */
  seconds: number;
  /** To all clients together, as the next two. */
  delivered: number;
  merged: number;
  lost: number;
  delivered_per_second: number;
  /** From just before a quote is published to when the application gets it. */
  latency_ms: { p50: number; p99: number; max: number };
}

export interface Tally {
  /** Counts a quote, and makes its `data`. */
  publishing(isLast: boolean): object;
  /** Counts an event of one client. @returns whether it was the last quote */
  received(event: Received<MarketData>): boolean;
  figures(): Figures;
  table(): string;
}

/** Counts what is published and what arrives, by one clock. */
export function createTally(clients: number): Tally {
  // Quotes of another bench on the same symbol are not ours.
  const run = process.pid + Math.random();
  const sentAt: number[] = [];
  const latencies: number[] = [];
  let merged = 0;
  let last = -1;

  const figures = (): Figures => {
    const seconds = Math.max(1, (sentAt.at(-1) ?? 0) - (sentAt[0] ?? 0)) / 1000;
    const round = (value: number): number => Math.round(value * 1000) / 1000;
    const at = (part: number): number => round(quantile(latencies, part));
    return {
      clients,
      published: sentAt.length,
      seconds: round(seconds),
      delivered: latencies.length,
      merged,
      lost: sentAt.length * clients - latencies.length - merged,
      delivered_per_second: round(latencies.length / seconds),
      latency_ms: { p50: at(0.5), p99: at(0.99), max: at(1) },
    };
  };

  return {
    publishing(isLast) {
      const n = sentAt.length;
      if (isLast) last = n;
      sentAt.push(performance.now());
      return { timestamp: Date.now() / 1000, price: 0, volume: 0, run, n };
    },
    received({ data, snapshot, conflated = 0 }) {
      const arrivedAt = performance.now();
      const { run: itsRun, n = -1 } = data as { run?: number; n?: number };
      if (snapshot || itsRun !== run) return false;
      latencies.push(arrivedAt - (sentAt[n] ?? Number.NaN));
      merged += conflated;
      return n === last;
    },
    figures,
    table() {
      const { published, seconds, delivered, lost, delivered_per_second, latency_ms } = figures();
      const ms = Object.entries(latency_ms).map(([name, value]) => `${name} ${value.toFixed(1)} ms`);
      return [
        `published  ${published} quotes in ${seconds.toFixed(1)} s, to ${clients} clients`,
        `delivered  ${delivered} events, ${delivered_per_second.toFixed(1)} a second`,
        `merged     ${merged}`,
        `lost       ${lost}`,
        `latency    ${ms.join(', ')}`,
      ].join('\n');
    },
  };
}
