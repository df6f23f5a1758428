import { type Channel, checkPublishedFrame, isChannel, isNormalKey, type StreamId } from '@tickcast/protocol';
import { membersOf } from './json-members.ts';
import { publishedPart } from './published-part.ts';

/** An event or a gap of a stream, when it was received. */
interface Received {
  /** Unix seconds. */
  receivedAt: number;
  channel: Channel;
  key: string | null;
  epoch: string | null;
}

/** An event of a recording, as it can be published again. */
export interface RecordedEvent {
  receivedAt: number;
  stream: StreamId;
  epoch: string | null;
  seq: number | null;
  /** The publisher's JSON text. */
  published: string;
  isSnapshot: boolean;
}

/** The line of an event. @param frame as it came */
export function eventLine(received: Received, frame: string): string {
  return `${head(received)},"frame":${oneLine(frame)}}`;
}

export function gapLine(received: Received, gap: object): string {
  return `${head(received)},"gap":${JSON.stringify(gap)}}`;
}

/** A frame without line breaks. Those that a publisher set between the fields mean nothing; in texts JSON has none. */
export function oneLine(frame: string): string {
  return frame.replaceAll(/[\r\n]/g, ' ');
}

function head({ receivedAt, channel, key, epoch }: Received): string {
  return JSON.stringify({ received_at: receivedAt, channel, key, epoch }).slice(0, -1);
}

/** @returns the event; null for the line of a gap. @throws Error that says what is wrong with the line */
export function readLine(line: string): RecordedEvent | null {
  const { received_at, channel, key = null, epoch = null, frame, gap } = parseObject(line);
  if (typeof received_at !== 'number') throw new Error('received_at must be a number, Unix seconds');
  if (!isChannel(channel)) throw new Error('channel is none of the four');
  if (isObject(gap) && frame === undefined) return null;
  if (!isObject(frame)) throw new Error('there is neither a frame nor a gap');
  if (!isKeyOf(channel, key)) throw new Error(`key is none of ${channel}`);
  const place = membersOf(line).findLast(({ name }) => name === 'frame');
  const published = publishedPart(line.slice(place?.from, place?.to).trim());
  const checked = checkPublishedFrame(channel, Buffer.from(published));
  if ('problem' in checked) throw new Error(`the frame can't be published: ${checked.problem}`);
  if (checked.key !== key) throw new Error(`the frame is of ${checked.key}, not of ${key}`);
  return {
    receivedAt: received_at,
    stream: { channel, key },
    epoch: typeof epoch === 'string' ? epoch : null,
    seq: typeof frame['seq'] === 'number' ? frame['seq'] : null,
    published,
    isSnapshot: frame['snapshot'] === true,
  };
}

function isKeyOf(channel: Channel, key: unknown): key is string | null {
  return (key === null || typeof key === 'string') && isNormalKey(channel, key);
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new Error(`it is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (isObject(value)) return value;
  throw new Error('it is no JSON object');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
