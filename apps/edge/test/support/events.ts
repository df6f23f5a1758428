import type { NumberedEvent, StoredStream } from '@tickcast/backplane';
import { agentStatus, alert, marketData } from './frames.ts';

/** What comes from Redis, without a Redis. */
export const EPOCH = '1701234567000000-00000a';
export const NEXT_EPOCH = '1701234568000000-00000b';

/** A good frame of the stream that has such a key: a symbol of Hong Kong, else an agent; none is that of alerts. */
function frameOf(key: string | null): object {
  if (key === null) return alert('an event');
  return key.endsWith('.HK') ? marketData(key) : agentStatus(key);
}

export function numbered(seq: number, parts: Partial<NumberedEvent> = {}): NumberedEvent {
  const frame = Buffer.from(JSON.stringify({ ...frameOf(parts.key ?? null), n: seq }));
  return {
    kind: 'numbered',
    key: null,
    seq,
    epoch: EPOCH,
    publishedAt: '1701234568.000001',
    keep: false,
    frame,
    ...parts,
  };
}

/** A message as the Function publishes it. */
export function envelope({ seq, epoch, publishedAt, keep, key, frame }: NumberedEvent): Buffer {
  return Buffer.concat([Buffer.from(`T1 ${seq} ${epoch} ${publishedAt} ${keep ? 1 : 0} ${key ?? '*'}\n`), frame]);
}

/** A stream's state in Redis after its last event, laid over by `parts`. */
export function stored(
  { key, epoch, seq, publishedAt, keep, frame }: NumberedEvent,
  parts: Partial<StoredStream> = {},
): StoredStream {
  const standsFrom = key?.endsWith('.HK') ? 0 : Math.max(0, seq - 1);
  return { key, epoch, seq, publishedAt, keep, frame, frameEpoch: epoch, frameSeq: seq, standsFrom, ...parts };
}
