import { type NumberedEvent, type StoredStream, decodeEnvelope } from '@tickcast/backplane';
import { type Position, isEarlier } from './stream.ts';

/** The last value of a stream, as read from Redis. */
export interface LastValue {
  event: NumberedEvent;
  /** It says all that the events after this number said. */
  standsFrom: number;
}

/** An event that waits in a feed: as it came from Redis, or as read from there. */
export type Waiting = Buffer | LastValue;

/** Last values among the messages that came while they were read: each behind all that it follows. */
export function inOrder(backlog: readonly Waiting[], read: Map<string | null, LastValue>): Waiting[] {
  const ordered: Waiting[] = [];
  for (const item of backlog) {
    const event = eventIn(item);
    if (event) {
      const last = read.get(event.key);
      if (last && isBefore(last.event, event)) {
        ordered.push(last);
        read.delete(event.key);
      }
    }
    ordered.push(item);
  }
  return [...ordered, ...read.values()];
}

export function isBefore(event: NumberedEvent, other: NumberedEvent): boolean {
  return event.epoch === other.epoch ? event.seq < other.seq : isEarlier(event.epoch, other.epoch);
}

/** Whether it was still on its way when its epoch ended. */
export function isOfEarlierEpoch(item: Waiting, key: string | null, { epoch }: Position): boolean {
  const event = eventIn(item);
  return event?.key === key && isEarlier(event.epoch, epoch);
}

/** The numbered event that waits, if it is one. */
export function eventIn(item: Waiting): NumberedEvent | null {
  const event = Buffer.isBuffer(item) ? decodeEnvelope(item) : item.event;
  return event === 'raw' ? null : event;
}

/**
 * The numbering to go on from. A last value of an earlier epoch stands for that epoch: its `seq` is what clients see, and
 * that a new one has begun they are told with its first event.
 */
export function numberingOf({ epoch, seq, frame, frameEpoch, frameSeq }: StoredStream): Position {
  return frame ? { epoch: frameEpoch, seq: frameSeq } : { epoch, seq };
}

export function eventOf(stored: StoredStream): NumberedEvent | null {
  const { key, frameSeq: seq, frameEpoch: epoch, publishedAt, keep, frame } = stored;
  return frame ? { kind: 'numbered', key, seq, epoch, publishedAt, keep, frame } : null;
}
