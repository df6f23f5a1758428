/** What the tests of this package share: connections that end with the test file, and good frames. */
import { setImmediate as turnsEnd, setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from '@jest/globals';
import type { Channel, StreamId } from '@tickcast/protocol';
import { type RedisServer, startRedis } from '@tickcast/testing';
import { type Commands, connectCommands } from '../src/connections.ts';
import { ensureFunction } from '../src/function-install.ts';
import { createNames, type Names } from '../src/names.ts';
import { createPublisher, type Publisher } from '../src/publisher.ts';

const opened: Commands[] = [];
afterAll(() => {
  for (const redis of opened) redis.disconnect();
});

export interface OnRedis {
  server: RedisServer;
  redis: Commands;
  names: Names;
  publisher: Publisher;
}

/** A Redis of its own with the Function in it. */
export async function backplaneOnRedis(args: readonly string[] = []): Promise<OnRedis> {
  const server = await startRedis({ args });
  const redis = await openCommands(server.url);
  await ensureFunction(redis);
  const names = createNames();
  return { server, redis, names, publisher: createPublisher({ redis, names }) };
}

/** With a time-out of `timeoutMs`: long, because tests share their machine with others. */
export async function openCommands(url: string, timeoutMs = 10_000): Promise<Commands> {
  const redis = connectCommands(url, { timeoutMs });
  opened.push(redis);
  await untilReady(redis);
  return redis;
}

export async function untilReady(redis: Commands): Promise<void> {
  if (redis.status !== 'ready') await new Promise<void>((resolve) => void redis.once('ready', () => resolve()));
}

/**
 * Whether it settles, one way or the other, before so much time has passed from the end of this turn on. What both have waited
 * for in a process that stood still counts in its order, not by when it was noticed.
 */
export async function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  );
  const isOver = async (): Promise<false> => {
    await turnsEnd();
    const endsAt = performance.now() + ms;
    // A timer begins when its turn of the loop did, so after a long turn it is early.
    for (let left = ms; left > 0; left = endsAt - performance.now()) await sleep(left, undefined, { ref: false });
    // Timers come before sockets in a turn of the loop, immediates after them.
    await turnsEnd();
    return false;
  };
  return Promise.race([settled, isOver()]);
}

/** By the clock of Redis, Unix milliseconds. */
export async function redisNowMs(redis: Commands): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000;
}

const NUMBERS: Record<Channel, readonly string[]> = {
  market_data: ['timestamp', 'price', 'volume'],
  agent_status: ['cpu_usage', 'memory_usage', 'task_queue_size', 'last_update'],
  backtest_progress: ['progress', 'total_days', 'completed_days', 'estimated_remaining'],
  alerts: ['timestamp'],
};
const TEXTS: Record<Channel, Record<string, string>> = {
  market_data: {},
  agent_status: { status: 'running' },
  backtest_progress: { current_date: '2024-01-01' },
  alerts: { level: 'warning', message: '成交量异常', source: 'risk' },
};
const KEY_FIELDS = { market_data: 'symbol', agent_status: 'agent_id', backtest_progress: 'backtest_id', alerts: null };

/** A frame that is good for its stream, with `data` on top of what is required. */
export function goodFrame({ channel, key }: StreamId, data: Record<string, unknown> = {}): string {
  const keyField = KEY_FIELDS[channel];
  return JSON.stringify({
    type: channel,
    ...(keyField === null ? {} : { [keyField]: key }),
    data: { ...Object.fromEntries(NUMBERS[channel].map((name) => [name, 1.5])), ...TEXTS[channel], ...data },
  });
}

export const ALERTS: StreamId = { channel: 'alerts', key: null };
export const quotesOf = (key: string): StreamId => ({ channel: 'market_data', key });
export const agent = (key: string): StreamId => ({ channel: 'agent_status', key });
export const backtest = (key: string): StreamId => ({ channel: 'backtest_progress', key });

/** Everything in Redis but what counts time, to show that nothing changed. */
export async function contentsOf(redis: Commands): Promise<Record<string, string>> {
  const keys = (await redis.keys('*')).sort();
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await contentOf(redis, key)])));
}

/** Reading a large hash can move its fields about, and DUMP tells them as they stand. */
async function contentOf(redis: Commands, key: string): Promise<string> {
  if ((await redis.type(key)) !== 'hash') return (await redis.dumpBuffer(key)).toString('base64');
  return JSON.stringify(Object.entries(await redis.hgetall(key)).sort());
}
