import { type Channel, checkPublishedFrame, keyField, type StreamId } from '@tickcast/protocol';
import { keyArgument } from './arguments.ts';
import { UsageError } from './failures.ts';

/** What to publish, and on which stream. */
export interface Publication {
  stream: StreamId;
  /** The publisher's JSON text. */
  frame: string;
}

/**
 * The frame that `publish CHANNEL [KEY] JSON` means. JSON is taken over as text, so that its numbers keep their digits.
 *
 * @throws UsageError when JSON is not an object, or the key is missing or named twice differently, or the frame is not
 *   one of this channel
 */
export function readPublication(channel: Channel, rawKey: string | undefined, json: string): Publication {
  const given = rawKey === undefined ? null : keyArgument(channel, rawKey);
  const field = keyField(channel);
  const value = parseObject(json);
  const whole = typeof value['type'] === 'string';
  const key = given ?? (whole && field !== null ? keyOfFrame(channel, value[field]) : null);
  if (field !== null && key === null) throw new UsageError(`KEY is needed: the ${field} of this ${channel}`);
  const frame = whole ? json : wrap(channel, key, json);
  const checked = checkPublishedFrame(channel, Buffer.from(frame));
  if ('problem' in checked) throw new UsageError(`this is no ${channel} frame: ${checked.problem}`);
  if (checked.key !== key) throw new UsageError(`the frame is of ${checked.key}, not of ${key}`);
  return { stream: { channel, key }, frame };
}

function parseObject(json: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new UsageError(`JSON can't be read: ${(error as Error).message}`, { cause: error });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError('JSON must be an object: the event, or its data');
}

function keyOfFrame(channel: Channel, value: unknown): string | null {
  return typeof value === 'string' ? keyArgument(channel, value) : null;
}

function wrap(channel: Channel, key: string | null, data: string): string {
  const named = key === null ? '' : `,"${keyField(channel)}":${JSON.stringify(key)}`;
  return `{"type":"${channel}"${named},"data":${data}}`;
}
