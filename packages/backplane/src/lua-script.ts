import { createHash } from 'node:crypto';
import type { Commands } from './connections.ts';
import { explainFailure } from './errors.ts';
import { luaSource } from './lua-source.ts';

export type LuaScript = (redis: Commands, key: string, args: ReadonlyArray<string | number>) => Promise<unknown>;

/**
 * A script of `lua/`, sent whole only where Redis does not know it yet.
 *
 * @throws BackplaneUnavailableError from its calls; the script may then have run all the same
 */
export function luaScript(...names: string[]): LuaScript {
  const source = luaSource(...names);
  const sha1 = createHash('sha1').update(source).digest('hex');
  return async (redis, key, args) => {
    try {
      return await redis.evalsha(sha1, 1, key, ...args).catch((error: unknown) => {
        // The one failure that is known not to have run.
        if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return redis.eval(source, 1, key, ...args);
        throw error;
      });
    } catch (error) {
      throw explainFailure(error);
    }
  };
}
