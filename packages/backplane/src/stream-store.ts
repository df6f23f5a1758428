import type { Channel } from '@tickcast/protocol';
import type { Commands } from './connections.ts';
import { BackplaneUnavailableError, explainFailure } from './errors.ts';
import type { Names } from './names.ts';

/** Where a stream's numbering stands, and its last value. */
export interface StoredStream {
  readonly key: string | null;
  /** The numbering that the next event continues: it will be `seq + 1` of `epoch`. */
  readonly epoch: string;
  readonly seq: number;
  /** The last value, as published; null when the stream never had one, or it has expired. */
  readonly frame: Buffer | null;
  /** The numbers that the last value was published with: of an earlier epoch when Redis was restarted since. */
  readonly frameEpoch: string;
  readonly frameSeq: number;
  /** When the last value was published: Unix seconds as text; '' without one. */
  readonly publishedAt: string;
  /** Whether the last value may not be merged away; see the envelope. */
  readonly keep: boolean;
  /**
   * The last value says all that the events of `frameEpoch` after this number said: they may be merged into it. Events
   * up to here said something that it does not: an alert, a change of status before the latest one, a terminal status.
   */
  readonly standsFrom: number;
}

/** Redis does nothing else while it reads a page, which takes about 15 µs a stream. */
const STREAMS_A_PAGE = 250;

/**
 * Reads streams from Redis; a stream without a numbering gets one. Call it after subscribing, so that nothing can fall
 * between.
 *
 * @param key of one stream; null for `alerts`, and for all live agents or backtests: those are read in pages, and one
 * that is published to meanwhile may be missing
 * @throws FunctionUnavailableError, BackplaneUnavailableError
 */
export async function openStreams(
  redis: Commands,
  names: Names,
  channel: Channel,
  key: string | null,
): Promise<StoredStream[]> {
  const name = names.openableKey({ channel, key });
  if (key !== null || channel === 'alerts') return parseStreams(await callOpen(redis, name));
  const streams = new Map<string | null, StoredStream>();
  let cursor = '';
  do {
    const reply = await callOpen(redis, name, cursor, STREAMS_A_PAGE);
    for (const stream of parseStreams(reply[1])) streams.set(stream.key, stream);
    cursor = String(reply[0]);
  } while (cursor !== '');
  return [...streams.values()];
}

async function callOpen(redis: Commands, name: string, ...page: Array<string | number>): Promise<unknown[]> {
  let reply: unknown;
  try {
    reply = await redis.callBuffer('FCALL', 'tickcast_open', 1, name, ...page);
  } catch (error) {
    throw explainFailure(error);
  }
  if (!Array.isArray(reply)) throw new BackplaneUnavailableError('tickcast_open answered no list');
  return reply;
}

function parseStreams(reply: unknown): StoredStream[] {
  if (!Array.isArray(reply)) throw new BackplaneUnavailableError('tickcast_open answered no streams');
  return reply.map(parseStored);
}

function parseStored(reply: unknown): StoredStream {
  if (!Array.isArray(reply) || reply.length < 9)
    throw new BackplaneUnavailableError('tickcast_open answered no stream');
  const [key, epoch, seq, time, keep, frame, frameEpoch, frameSeq, standsFrom]: unknown[] = reply;
  return {
    key: String(key) || null,
    epoch: String(epoch),
    seq: Number(seq),
    frame: Buffer.isBuffer(frame) && frame.length > 0 ? frame : null,
    frameEpoch: String(frameEpoch),
    frameSeq: Number(frameSeq),
    publishedAt: String(time),
    keep: String(keep) === '1',
    standsFrom: Number(standsFrom),
  };
}
