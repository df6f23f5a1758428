import {
  type AlertLogPage,
  type NumberedEvent,
  type StoredStream,
  type StreamPosition,
  createNames,
} from '@tickcast/backplane';
import type { Channel, StreamId } from '@tickcast/protocol';
import { FlushSchedule } from '../../src/flush-schedule.ts';
import { Hub, type StreamSource } from '../../src/hub.ts';
import { createLog } from '../../src/log.ts';
import { Metrics } from '../../src/metrics.ts';
import { Pace } from '../../src/pace.ts';
import type { Traffic } from '../../src/reach.ts';
import type { Fanout, Socket } from '../../src/socket.ts';
import type { Hole } from '../../src/stream.ts';
import { WriteWindow } from '../../src/write-window.ts';
import { numbered, stored } from './events.ts';

const names = createNames();

/** Streams held in memory instead of in Redis, which may be away or not answer. */
export class MemorySource implements StreamSource {
  /** Names held now; one held twice stands here twice. */
  readonly held: string[] = [];
  /** What `open` answers, by Pub/Sub name. */
  readonly states = new Map<string, StoredStream[]>();
  /** The log of alerts, oldest first. */
  log: NumberedEvent[] = [];
  opens = 0;
  away = false;
  /** Whether messages don't come either. */
  deaf = false;
  /** Answers of all reads wait for it. */
  gate: Promise<void> = Promise.resolve();

  async hold(name: string): Promise<void> {
    if (this.away) throw new Error('away');
    this.held.push(name);
  }

  release(name: string): void {
    const index = this.held.indexOf(name);
    if (index < 0) throw new Error(`${name} is not held`);
    this.held.splice(index, 1);
  }

  async open(channel: Channel, key: string | null): Promise<StoredStream[]> {
    this.opens += 1;
    await this.gate;
    if (this.away) throw new Error('away');
    const states = this.states.get(this.nameOf(channel, key)) ?? [];
    if (key === null && channel !== 'alerts') return states;
    const state = states.find((one) => one.key === key);
    return [state ?? stored(numbered(0, { key }), { frame: null })];
  }

  get isUp(): boolean {
    return !this.away;
  }

  get isReceiving(): boolean {
    return !this.deaf;
  }

  /** Pages of two events. */
  async readLog({ epoch, seq }: { epoch: string; seq: number }): Promise<AlertLogPage> {
    await this.gate;
    if (this.away) throw new Error('away');
    const rest = this.log.filter((event) => event.epoch > epoch || (event.epoch === epoch && event.seq >= seq));
    return { events: rest.slice(0, 2), more: rest.length > 2 };
  }

  async positions(streams: readonly StreamId[]): Promise<StreamPosition[][]> {
    await this.gate;
    if (this.away) throw new Error('away');
    return streams.map(({ channel, key }) => {
      const states = this.states.get(this.nameOf(channel, key)) ?? [];
      return states.map(({ key: own, epoch, seq }) => ({ key: own, epoch, seq }));
    });
  }

  async flush(): Promise<void> {
    if (this.away) throw new Error('away');
  }

  nameOf(channel: Channel, key: string | null): string {
    return names.pubsubChannel(channel, key);
  }
}

/** A socket that notes what is sent to it, and the topics it has joined. */
export class MemorySocket implements Socket {
  readonly remoteAddress = '203.0.113.7';
  readonly sent: string[] = [];
  readonly topics = new Set<string>();
  closeCode: number | null = null;
  /** What it has not read yet, bytes. */
  buffered = 0;

  /** Everything sent to it, parsed. */
  get frames(): unknown[] {
    return this.sent.map((text) => JSON.parse(text) as unknown);
  }

  send(frame: string | Uint8Array): void {
    this.sent.push(typeof frame === 'string' ? frame : Buffer.from(frame).toString());
  }

  /** The engine joins a topic once, however often it is told. */
  join(topic: string): void {
    this.topics.add(topic);
  }

  leave(topic: string): void {
    this.topics.delete(topic);
  }

  end(code: number): void {
    this.closeCode = code;
  }

  ping(): void {}

  cut(): void {}

  bufferedBytes(): number {
    return this.buffered;
  }
}

/** Delivers to the sockets in memory. */
export class MemoryFanout implements Fanout {
  readonly published: Array<{ topic: string; frame: unknown }> = [];
  readonly sockets: MemorySocket[] = [];

  publish(topic: string, frame: Uint8Array): void {
    this.published.push({ topic, frame: JSON.parse(Buffer.from(frame).toString()) as unknown });
    for (const socket of this.sockets) if (socket.topics.has(topic)) socket.send(frame);
  }
}

/** What a node without load has delivered. */
export const noTraffic = (): Traffic => ({ frames: 0, sockets: 0 });

/** A schedule on a node with that traffic in each window; without any, no window opens. */
export function scheduleUnder({
  traffic = noTraffic(),
  rate = 10,
  now = () => performance.now(),
}: { traffic?: Traffic; rate?: number; now?: () => number } = {}): FlushSchedule {
  return new FlushSchedule(new WriteWindow(Pace.spacingAt(rate), () => traffic), now);
}

/** A hub on streams in memory, with what it publishes and what it declares lost. */
export function hubInMemory() {
  const source = new MemorySource();
  const fanout = new MemoryFanout();
  const losses: Array<{ topic: string; seq: number; holes: readonly Hole[] }> = [];
  const hub = new Hub({
    source,
    fanout,
    takeTraffic: noTraffic,
    declareLoss: ({ topic }, { event, holes }) => losses.push({ topic, seq: event.seq, holes }),
    marketDataMaxRate: 10,
    now: () => performance.now(),
    metrics: new Metrics(),
    log: createLog('silent', 'test'),
  });
  return { source, fanout, losses, hub };
}
