import { setTimeout as sleep } from 'node:timers/promises';
import { createSubscriber, decodeEnvelope, openStreams, type StoredStream } from '@tickcast/backplane';
import type { Bus } from '../bus.ts';
import { hasCode } from '../errors.ts';
import { type BadFrame, type Observation, observe, type WatchedChannel } from './observations.ts';
import { type Clock, readRedisClock } from './redis-clock.ts';

const RETRY_MS = 500;
/** Short failures are those of a Redis that has just come back, of which the bus tells. */
const TOLD_ATTEMPT = 10;

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
  const complained = new Set<string>();

  const subscriber = createSubscriber({
    url: bus.redisUrl,
    onMessage(name, message) {
      const source = byName.get(name);
      if (source === undefined || clock === null) return;
      const observation = good(name, readMessage(source, message, clock()));
      if (observation === null) return;
      if (early !== null) early.push(observation);
      else if (isWatching) onObservation(observation);
    },
    onReady: () => void begin(++session),
    onLost: end,
  });

  function good(name: string, seen: Observation | BadFrame | null): Observation | null {
    if (seen === null || !('problem' in seen)) return seen;
    complain(name, seen.problem);
    return null;
  }

  /** Bad frames can be many, and the edges count them: each source is named once. */
  function complain(stream: string, problem: string): void {
    if (!complained.has(stream)) bus.log.warn({ stream, problem }, 'something on a watched stream is passed over');
    complained.add(stream);
  }

  async function begin(mine: number): Promise<void> {
    for (let attempt = 1; mine === session; attempt++) {
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
        const last = await readLastValues(read());
        if (mine !== session) return;
        onBegin(read);
        isWatching = true;
        for (const observation of [...last, ...early]) onObservation(observation);
        early = null;
        return;
      } catch (error) {
        bus.noteFailure(error);
        const tell = attempt === TOLD_ATTEMPT ? 'warn' : 'debug';
        bus.log[tell]({ problem: (error as Error).message }, 'the watch for alerts can not begin: it is tried again');
        await sleep(RETRY_MS);
      }
    }
  }

  async function readLastValues(now: number): Promise<Observation[]> {
    const values = await Promise.all(
      Array.from(byName, async ([name, source]) => {
        const streams = await readStreams(name, source);
        return streams.map(({ key, frame, publishedAt }) => {
          // Redis's clock may have gone back since.
          const at = Math.min(Number(publishedAt) * 1000 || 0, now);
          return frame === null ? null : good(name, observe(source.channel, { key, frame, at }));
        });
      }),
    );
    return values.flat().filter((observation) => observation !== null);
  }

  /** Streams that somebody has overwritten must not keep the others from being watched. */
  async function readStreams(name: string, { channel, key }: Source): Promise<StoredStream[]> {
    try {
      return await openStreams(redis, names, channel, key);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      complain(name, `its last values can't be read: ${(error as Error).message}`);
      return [];
    }
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

function readMessage({ channel, key }: Source, message: Buffer, at: number): Observation | BadFrame | null {
  const event = decodeEnvelope(message);
  if (event === null) return { problem: 'the head of the message can not be read' };
  if (event === 'raw') return observe(channel, { key, frame: message, at });
  return observe(channel, { key: key ?? event.key, frame: event.frame, at });
}

/** Whether Redis answered, and what it answered is about that stream: asking again would not help. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || hasCode(error, 'function_unavailable')) return false;
  return error.cause instanceof Error && /^(WRONGTYPE|NOPERM|ERR) /.test(error.cause.message);
}
