import { setTimeout as sleep } from 'node:timers/promises';
import { connectDirectly, untilConnected } from '../chaos/direct-redis.ts';
import type { ScenarioCluster } from './clusters.ts';
import type { ChannelName, PublishStep, StreamName } from './scenario.ts';

/** An event as Redis took it. */
export interface Published {
  /** `data.n` of the event, by which it is known again: from 1 in each stream, over all epochs. 0: it was there before. */
  n: number;
  seq: number;
  /** Which run of the stream's numbering, from 0. */
  era: number;
}

export interface Publishing {
  /** All numbered events of a stream so far, in order. `stream` as `streamOf` names it. */
  published(stream: string): readonly Published[];
  /** `data.n` of the events that were published outside numbering. */
  raw(stream: string): readonly number[];
  readonly streams: readonly string[];
  publish(step: Omit<PublishStep, 'do'>): Promise<void>;
  keepPublishing(stream: StreamName, everyMs: number): void;
  /** Resolves when the last one was answered. */
  stopPublishing(): Promise<void>;
  flush(): Promise<void>;
  forgetStream(channel: ChannelName): Promise<void>;
  trimLog(keep: number): Promise<void>;
  close(): void;
}

export function streamOf(channel: string, key: string | null | undefined): string {
  return `${channel}:${key ?? '*'}`;
}

export async function startPublishing({ redis: { url }, prefix, standing }: ScenarioCluster): Promise<Publishing> {
  const redis = connectDirectly(url);
  const published = new Map<string, Published[]>(
    [...standing].map(([stream, seq]) => [stream, [{ n: 0, seq, era: 0 }]]),
  );
  const raw = new Map<string, number[]>();
  const counts = new Map<string, number>();
  let beside: { stop: boolean; ended: Promise<void> }[] = [];
  await untilConnected(redis);

  const listOf = <T>(lists: Map<string, T[]>, stream: string): T[] => {
    const list = lists.get(stream) ?? [];
    lists.set(stream, list);
    return list;
  };

  const publish = async ({ channel, key, status, padding, raw: isRaw }: Omit<PublishStep, 'do'>): Promise<void> => {
    const stream = streamOf(channel, key);
    const n = (counts.get(stream) ?? 0) + 1;
    counts.set(stream, n);
    const frame = JSON.stringify(frameOf(channel, key, n, status, 'x'.repeat(padding ?? 0)));
    const name = redisName(prefix, channel, key);
    if (isRaw) {
      listOf(raw, stream).push(n);
      await redis.publish(name.replace(/\}.*$/, '}'), frame);
      return;
    }
    const seq = Number(await redis.call('FCALL', 'tickcast_publish', '1', name, frame));
    const list = listOf(published, stream);
    const last = list.at(-1);
    standing.set(stream, seq);
    list.push({ n, seq, era: last === undefined ? 0 : last.era + (seq > last.seq ? 0 : 1) });
  };

  return {
    published: (stream) => published.get(stream) ?? [],
    raw: (stream) => raw.get(stream) ?? [],
    get streams() {
      return [...published.keys()];
    },
    async publish({ count = 1, ...step }) {
      // One connection keeps their order.
      await Promise.all(Array.from({ length: count }, () => publish(step)));
    },
    keepPublishing(stream, everyMs) {
      const one = { stop: false, ended: Promise.resolve() };
      one.ended = (async () => {
        while (!one.stop) {
          await publish(stream);
          await sleep(everyMs);
        }
      })();
      beside.push(one);
    },
    async stopPublishing() {
      const all = beside;
      beside = [];
      for (const one of all) one.stop = true;
      await Promise.all(all.map(({ ended }) => ended));
    },
    async flush() {
      await redis.flushall();
    },
    async forgetStream(channel) {
      const keys = await redis.keys(`${prefix}{${channel}*`);
      if (keys.length > 0) await redis.del(...keys);
    },
    async trimLog(keep) {
      await redis.xtrim(`${prefix}{alerts}:log`, 'MAXLEN', keep);
    },
    close() {
      for (const one of beside) one.stop = true;
      redis.disconnect();
    },
  };
}

/** PROTOCOL.md, section 12. */
function redisName(prefix: string, channel: ChannelName, key: string | undefined): string {
  if (channel === 'market_data') return `${prefix}{market_data:${key}}`;
  return key === undefined ? `${prefix}{${channel}}` : `${prefix}{${channel}}:${key}`;
}

function frameOf(channel: ChannelName, key: string | undefined, n: number, status = 'running', filling = ''): object {
  const now = Date.now() / 1000;
  const more = { n, ...(filling && { filling }) };
  switch (channel) {
    case 'market_data':
      return { type: channel, symbol: key, data: { timestamp: now, price: 100 + n / 100, volume: n, ...more } };
    case 'agent_status':
      return {
        type: channel,
        agent_id: key,
        data: { status, cpu_usage: 45.2, memory_usage: 512.5, task_queue_size: 3, last_update: now, ...more },
      };
    case 'backtest_progress':
      return {
        type: channel,
        backtest_id: key,
        data: {
          progress: 0.5,
          current_date: '2022-06-15',
          total_days: 1095,
          completed_days: 547,
          estimated_remaining: 1800,
          status,
          ...more,
        },
      };
    case 'alerts':
      return {
        type: channel,
        data: { level: 'warning', message: `內存使用率超過80% (${n})`, timestamp: now, source: 'monitoring', ...more },
      };
  }
}
