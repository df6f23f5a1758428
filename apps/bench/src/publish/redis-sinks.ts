import { connectCommands, createNames, createPublisher, ensureFunction } from '@tickcast/backplane';
import type { OpenSink } from '../types.ts';

/** Long: a publisher that runs ahead of Redis waits for it, and says by how much. */
const TIMEOUT_MS = 60_000;

async function connected(redisUrl: string) {
  const redis = connectCommands(redisUrl, { timeoutMs: TIMEOUT_MS });
  if (redis.status !== 'ready') await new Promise<void>((resolve) => void redis.once('ready', () => resolve()));
  return redis;
}

/** Through the published Function, as our own producers do it: numbered, logged, kept. */
export const openFunctionSink: OpenSink = async (redisUrl) => {
  const redis = await connected(redisUrl);
  await ensureFunction(redis);
  const publisher = createPublisher({ redis, names: createNames() });
  return {
    publish: (topic, frame) => {
      const [channel, key] = topic.split(':');
      return channel === 'market_data' && key !== undefined
        ? publisher.publish({ channel, key }, frame)
        : publisher.publish({ channel: 'alerts', key: null }, frame);
    },
    close: () => redis.disconnect(),
  };
};

/** PUBLISH to a channel of the topic's name. */
export const openPlainSink: OpenSink = async (redisUrl) => {
  const redis = await connected(redisUrl);
  return { publish: (topic, frame) => redis.publish(topic, frame), close: () => redis.disconnect() };
};
