/** An event that the Function has numbered, as it comes over Pub/Sub. */
export interface NumberedEvent {
  readonly kind: 'numbered';
  /** Null for a stream without a key. */
  readonly key: string | null;
  readonly seq: number;
  readonly epoch: string;
  /** Redis's time, Unix seconds with six digits, as text: a float would lose some. */
  readonly publishedAt: string;
  /** No later event may take its place: a change of status, a terminal one, an alert. */
  readonly keep: boolean;
  /** The publisher's bytes, untouched: a view into the message. */
  readonly frame: Buffer;
}

const LETTER_T = 0x54;
const LINE_END = 0x0a;
/** A head is about 90 bytes with the longest of keys; anything longer is not ours. */
const LONGEST_HEAD = 200;
const EPOCH = String.raw`\d{1,17}-[0-9a-f]{6}`;
const WHOLE_EPOCH = new RegExp(`^${EPOCH}$`);
const HEAD = new RegExp(
  String.raw`^T1 ([1-9]\d{0,15}) (${EPOCH}) (\d{1,12}\.\d{6}) ([01]) ([A-Za-z0-9.^=_-]{1,64}|\*)$`,
);

/** Whether a text has the form of an epoch's name; whether there ever was such an epoch is another question. */
export function isEpoch(text: string): boolean {
  return WHOLE_EPOCH.test(text);
}

/**
 * Reads a message of a stream's Pub/Sub channel.
 *
 * @returns the event; `'raw'` for a message that was published without the Function, which may be anything; null for
 * one that claims to be from the Function but can't be read
 */
export function decodeEnvelope(message: Buffer): NumberedEvent | 'raw' | null {
  // A JSON object never begins with a T.
  if (message[0] !== LETTER_T) return 'raw';
  const end = message.indexOf(LINE_END);
  if (end === -1 || end > LONGEST_HEAD) return null;
  const head = HEAD.exec(message.toString('latin1', 0, end));
  if (head === null) return null;
  const [, seq, epoch, publishedAt, keep, key] = head;
  if (epoch === undefined || publishedAt === undefined || key === undefined) return null;
  return {
    kind: 'numbered',
    key: key === '*' ? null : key,
    seq: Number(seq),
    epoch,
    publishedAt,
    keep: keep === '1',
    frame: message.subarray(end + 1),
  };
}
