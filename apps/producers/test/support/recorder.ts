import { createNames, createSubscriber, decodeEnvelope } from '@tickcast/backplane';
import type { Channel } from '@tickcast/protocol';

/** A numbered event as Redis published it. */
export interface Recorded<Data = Record<string, unknown>> {
  readonly key: string | null;
  readonly seq: number;
  readonly epoch: string;
  readonly data: Data;
  /** Milliseconds of `performance.now()` when it came. */
  readonly at: number;
}

export interface Recorder<Data> {
  /** All events so far, in the order they came. */
  readonly events: ReadonlyArray<Recorded<Data>>;
  of(key: string): Array<Recorded<Data>>;
  close(): void;
}

/**
 * Records what Redis publishes on one channel. What comes while its connection is down is missed: `seq` tells.
 *
 * @param key of `market_data`, which has a Pub/Sub channel for each symbol
 */
export async function record<Data = Record<string, unknown>>(
  url: string,
  channel: Channel,
  key: string | null = null,
): Promise<Recorder<Data>> {
  const events: Array<Recorded<Data>> = [];
  let ready = (): void => undefined;
  const isReady = new Promise<void>((resolve) => (ready = resolve));
  const subscriber = createSubscriber({
    url,
    // Tests share their machine with others.
    holdWithinMs: 10_000,
    onReady: () => ready(),
    onLost: () => undefined,
    onMessage(_name, message) {
      const event = decodeEnvelope(message);
      if (event === null || event === 'raw') return;
      const { data } = JSON.parse(event.frame.toString()) as { data: Data };
      events.push({ key: event.key, seq: event.seq, epoch: event.epoch, data, at: performance.now() });
    },
  });
  await isReady;
  await subscriber.hold(createNames().pubsubChannel(channel, key));
  return {
    events,
    of: (wanted) => events.filter((event) => event.key === wanted),
    close: () => subscriber.close(),
  };
}
