import type { StreamId } from '@tickcast/protocol';
import type { Commands } from './connections.ts';
import { BackplaneUnavailableError, explainFailure } from './errors.ts';
import type { Names } from './names.ts';

/** How far a stream's numbering has come. */
export interface StreamPosition {
  readonly key: string | null;
  readonly epoch: string;
  readonly seq: number;
}

/** Redis does nothing else during a call: about 10 µs a name, and 6 µs for each agent or backtest that is active. */
const NAMES_A_CALL = 500;

/**
 * Reads where streams stand, without their values; changes nothing in Redis.
 *
 * @param streams a `key` of null asks for all agents or backtests that had an event within the last minute
 * @returns one list for each of `streams`: with one position for a stream, none when Redis knows nothing of it
 * @throws FunctionUnavailableError, BackplaneUnavailableError
 */
export async function readPositions(
  redis: Commands,
  names: Names,
  streams: readonly StreamId[],
): Promise<StreamPosition[][]> {
  const keys = streams.map((id) => names.openableKey(id));
  const lists: StreamPosition[][] = [];
  for (let start = 0; start < keys.length; start += NAMES_A_CALL) {
    lists.push(...(await readSome(redis, keys.slice(start, start + NAMES_A_CALL))));
  }
  return lists;
}

async function readSome(redis: Commands, keys: readonly string[]): Promise<StreamPosition[][]> {
  let reply: unknown;
  try {
    reply = await redis.fcall_ro('tickcast_positions', keys.length, ...keys);
  } catch (error) {
    throw explainFailure(error);
  }
  if (!Array.isArray(reply) || reply.length !== keys.length) {
    throw new BackplaneUnavailableError('tickcast_positions answered no list for each name');
  }
  return reply.map((positions: unknown) => (positions as unknown[]).map(parsePosition));
}

function parsePosition(reply: unknown): StreamPosition {
  if (!Array.isArray(reply)) throw new BackplaneUnavailableError('tickcast_positions answered no position');
  const [key, epoch, seq]: unknown[] = reply;
  return { key: String(key) || null, epoch: String(epoch), seq: Number(seq) };
}
