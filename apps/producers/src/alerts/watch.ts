import { setTimeout as sleep } from 'node:timers/promises';
import { createSubscriber, decodeEnvelope, openStreams } from '@tickcast/backplane';
import { checkPublishedFrame } from '@tickcast/protocol';
import type { Bus } from '../bus.ts';
import { type Observation, observe, type WatchedChannel } from './observations.ts';
import { type Clock, readRedisClock } from './redis-clock.ts';

const RETRY_MS = 500;

interface WatchOptions {
  bus: Bus;
  symbols: readonly string[];
  /** Watching begins, or begins anew after events may have been missed: what was observed before counts no more. */
  onBegin: (clock: Clock) => void;
  /** Last values first, when it begins; then every event. */
  onObservation: (observation: Observation) => void;
  /** Nothing is seen any more; followed by `onBegin` when Redis comes back. */
  onEnd: () => void;
}

interface Source {
  channel: WatchedChannel;
  /** null: any. */
  key: string | null;
}

/** Watches the quotes of some symbols, all agents and all backtests, numbered or not, until it is closed. */
export function openWatch({ bus, symbols, onBegin, onObservation, onEnd }: WatchOptions): { close(): void } {
  const { redis, names } = bus;
  const sources: Source[] = [
    { channel: 'agent_status', key: null },
    { channel: 'backtest_progress', key: null },
    ...symbols.map((key) => ({ channel: 'market_data', key }) as const),
  ];
  const byName = new Map(sources.map((source) => [names.pubsubChannel(source.channel, source.key), source]));
  const unheld = new Set(byName.keys());
  /** Counts connections, so that what began on one does not speak for the next. */
  let session = 0;
  let clock: Clock | null = null;
  /** What came while the last values were read; null when they are known, or nothing is. */
  let early: Observation[] | null = null;
  let isWatching = false;

  const subscriber = createSubscriber({
    url: bus.redisUrl,
    onMessage(name, message) {
      const source = byName.get(name);
      if (source === undefined || clock === null) return;
      const observation = readMessage(source, message, clock());
      if (observation === null) return;
      if (early !== null) early.push(observation);
      else if (isWatching) onObservation(observation);
    },
    onReady: () => void begin(++session),
    onLost: end,
  });

  async function begin(mine: number): Promise<void> {
    while (mine === session) {
      try {
        early = [];
        const read = await readRedisClock(redis);
        clock = read;
        await Promise.all(
          Array.from(unheld, async (name) => {
            await subscriber.hold(name);
            unheld.delete(name);
          }),
        );
        const last = await readLastValues();
        if (mine !== session) return;
        onBegin(read);
        isWatching = true;
        for (const observation of [...last, ...early]) onObservation(observation);
        early = null;
        return;
      } catch (error) {
        bus.log.debug({ problem: (error as Error).message }, 'the watch for alerts could not begin: it is tried again');
        await sleep(RETRY_MS);
      }
    }
  }

  async function readLastValues(): Promise<Observation[]> {
    const values = await Promise.all(
      sources.map(async ({ channel, key }) => {
        const streams = await openStreams(redis, names, channel, key);
        return streams.map(({ key: of, frame, publishedAt }) =>
          frame === null ? null : observe(channel, { key: of, frame, at: Number(publishedAt) * 1000 }),
        );
      }),
    );
    return values.flat().filter((observation) => observation !== null);
  }

  function end(): void {
    session += 1;
    early = null;
    if (!isWatching) return;
    isWatching = false;
    onEnd();
  }

  return {
    close() {
      end();
      subscriber.close();
    },
  };
}

function readMessage({ channel, key: expected }: Source, message: Buffer, at: number): Observation | null {
  const event = decodeEnvelope(message);
  if (event === null) return null;
  if (event !== 'raw') return observe(channel, { key: event.key, frame: event.frame, at });
  const checked = checkPublishedFrame(channel, message);
  // The edges log and count what is bad.
  if ('problem' in checked || (expected !== null && checked.key !== expected)) return null;
  return observe(channel, { key: checked.key, frame: message, at });
}
