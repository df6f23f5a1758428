import type { Connection } from './connection.ts';
import { pushFrame } from './push-frame.ts';
import type { Delivery, Hole, Stream } from './stream.ts';

/** A delivery as the two kinds of clients get it: those that opted in are told of holes by `gap`, the others by `lost`. */
interface Frames {
  /** The event alone. */
  whole: Buffer;
  /** The event with the number of those lost before it; the same where none were. */
  lossy: Buffer;
}

function framesOf({ event, conflated, holes }: Delivery, recovered: boolean): Frames {
  const fields = { seq: event.seq, publishedAt: event.publishedAt, conflated, recovered };
  const whole = pushFrame(event.frame, fields);
  if (holes.length === 0) return { whole, lossy: whole };
  return { whole, lossy: pushFrame(event.frame, { ...fields, lost: countOf(holes) }) };
}

function send(connection: Connection, stream: Stream, holes: readonly Hole[], { whole, lossy }: Frames): void {
  if (connection.optedIn) {
    for (const hole of holes) sendGap(connection, stream, hole);
    connection.push(whole);
  } else connection.push(lossy);
}

/** Delivers to one client. */
export function sendDelivery(connection: Connection, stream: Stream, delivery: Delivery, recovered = false): void {
  send(connection, stream, delivery.holes, framesOf(delivery, recovered));
}

/** Sends the last known value of a stream, if it has one. */
export function sendSnapshot(connection: Connection, { delivered }: Pick<Stream, 'delivered'>): void {
  if (!delivered) return;
  const { frame, seq, publishedAt } = delivered;
  connection.push(pushFrame(frame, { seq, publishedAt, snapshot: true }));
}

/** Delivers an event that has holes before it, one by one, since what is sent differs; holes are rare. */
export function deliverWithLoss(connections: Iterable<Connection>, stream: Stream, delivery: Delivery): void {
  const frames = framesOf(delivery, false);
  for (const connection of connections) {
    if (connection.phase !== 'seated' || !connection.subscriptions.receives(stream)) continue;
    send(connection, stream, delivery.holes, frames);
  }
}

/** Tells an opted-in client of events that it will not get. */
export function sendGap(connection: Connection, stream: Stream, { epoch, from, to, recoverable }: Hole): void {
  const { channel, key } = stream.id;
  connection.reply({ type: 'gap', channel, key, epoch, from, to, recoverable: recoverable ?? false });
}

/** The number of events in the holes; null where it can't be known. */
function countOf(holes: readonly Hole[]): number | null {
  let count = 0;
  for (const { from, to } of holes) {
    if (to === null) return null;
    count += to - from + 1;
  }
  return count;
}
