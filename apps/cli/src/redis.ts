import { type Commands, connectCommands } from '@tickcast/backplane';
import { CommandError } from './failures.ts';

const CONNECT_WITHIN_MS = 3000;

/** Runs `work` on a connection that is up, and closes it. @throws CommandError when Redis can't be reached */
export async function withRedis<T>(url: string, work: (redis: Commands) => Promise<T>): Promise<T> {
  const redis = await connectRedis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** A connection that is up, to be ended by `disconnect()`. @throws CommandError when Redis can't be reached */
export async function connectRedis(url: string): Promise<Commands> {
  const redis = connectCommands(url);
  try {
    await connected(redis, new URL(url).host);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

function connected(redis: Commands, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (problem: string): void => {
      const advice = 'start it, or set TICKCAST_REDIS_URL to where it runs';
      reject(new CommandError(`Redis at ${host} can't be reached (${problem}): ${advice}`));
    };
    const timer = setTimeout(() => fail(`no answer in ${CONNECT_WITHIN_MS / 1000} s`), CONNECT_WITHIN_MS);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
    redis.once('error', (error: Error) => {
      clearTimeout(timer);
      fail(error.message);
    });
  });
}
