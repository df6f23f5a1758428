import type { Commands } from './connections.ts';
import type { NumberedEvent } from './envelope.ts';
import { BackplaneUnavailableError, explainFailure } from './errors.ts';
import type { Names } from './names.ts';

/** One page of the log of alerts. */
export interface AlertLogPage {
  /** Oldest first, each in the epoch that it was numbered in. */
  readonly events: NumberedEvent[];
  /** Whether the log held more when it was read. */
  readonly more: boolean;
}

/**
 * Reads a page of the alerts of the last 24 h.
 *
 * @param from the first event to read, if the log still holds it: otherwise the page begins with the next one, which may
 * be of a later epoch
 * @param maxBytes of the frames together; at least one event is answered, whatever its size
 * @throws FunctionUnavailableError, BackplaneUnavailableError
 */
export async function readAlertLog(
  redis: Commands,
  names: Names,
  from: { readonly epoch: string; readonly seq: number },
  maxBytes: number,
): Promise<AlertLogPage> {
  const name = names.streamKey({ channel: 'alerts', key: null });
  let reply: unknown;
  try {
    reply = await redis.callBuffer('FCALL_RO', 'tickcast_replay', 1, name, from.epoch, from.seq, maxBytes);
  } catch (error) {
    throw explainFailure(error);
  }
  const [more, entries]: unknown[] = Array.isArray(reply) ? reply : [];
  if (!Array.isArray(entries)) throw new BackplaneUnavailableError('tickcast_replay answered no page');
  return { events: entries.map(parseEntry), more: more === 1 };
}

function parseEntry(entry: unknown): NumberedEvent {
  const [epoch, seq, time, frame]: unknown[] = Array.isArray(entry) ? entry : [];
  if (!Buffer.isBuffer(frame)) throw new BackplaneUnavailableError('tickcast_replay answered no event');
  return {
    kind: 'numbered',
    key: null,
    seq: Number(seq),
    epoch: String(epoch),
    publishedAt: String(time),
    keep: true,
    frame,
  };
}
