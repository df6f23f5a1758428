import type { Commands } from './connections.ts';
import { luaScript } from './lua-script.ts';
import type { Names } from './names.ts';

const script = luaScript('seat-count');

/**
 * How many seats of the cluster are taken or reserved now.
 *
 * @throws BackplaneUnavailableError
 */
export async function countSeats({ redis, names }: { redis: Commands; names: Names }): Promise<number> {
  return Number(await script(redis, names.seats.key, []));
}
