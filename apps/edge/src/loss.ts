import type { Since } from '@tickcast/protocol';
import type { Connection } from './connection.ts';
import { pushFrame } from './push-frame.ts';
import type { Delivery, Hole, Stream } from './stream.ts';
import type { Subscription } from './subscriptions.ts';

/**
 * Delivers an event that has holes before it: opted-in clients get a `gap` for each and then the event, the others the
 * event with `lost`. One by one, since what is sent differs; holes are rare.
 */
export function deliverWithLoss(
  connections: Iterable<Connection>,
  stream: Stream,
  { event, conflated, holes }: Delivery,
): void {
  const fields = { seq: event.seq, publishedAt: event.publishedAt, conflated };
  const whole = pushFrame(event.frame, fields);
  const lossy = pushFrame(event.frame, { ...fields, lost: countOf(holes) });
  const { channel, key } = stream.id;
  for (const connection of connections) {
    if (connection.phase !== 'seated' || !connection.subscriptions.receives(stream)) continue;
    if (connection.optedIn) {
      for (const hole of holes) connection.reply({ type: 'gap', channel, key, ...hole, recoverable: false });
      connection.push(whole);
    } else connection.push(lossy);
  }
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

/** Tells an opted-in client what lies between the event it had last (`since`) and where its subscription starts. */
export function declareMissed(
  connection: Connection,
  { channel, key }: Subscription,
  since: Since,
  start: { epoch: string | null; seq: number | null },
): void {
  const sameEpoch = since.epoch === start.epoch;
  connection.reply({
    type: 'gap',
    channel,
    key,
    epoch: since.epoch,
    from: since.seq + 1,
    to: sameEpoch ? start.seq : null,
    recoverable: false,
  });
}
