import type { Published } from './publishing.ts';
import { streamOf } from './publishing.ts';
import type { Report } from './driver.ts';
import type { Partly } from './scenario.ts';

/** A subscription as the runner made it. */
export interface Subscription {
  name: string;
  channel: string;
  /** Null: all of the channel. */
  keys: readonly string[] | null;
  /** How many reports there were when it began. */
  from: number;
  /** Of each stream, how many events had been published then; of one that is not named, none. */
  before: ReadonlyMap<string, number>;
  /** It ended, or its program did: it need not get the rest. */
  isOver: boolean;
}

export interface Account {
  /** What a client must never do: an event twice, out of order, changed, or missing without a word. */
  problems: string[];
  /** Events that were published and have neither come nor been told to be lost. */
  missing: number;
}

/** A run of numbering, as far as this subscription knows it. */
interface Era {
  /** The number before the first one that it is to get. */
  base: number;
  /** Delivered, those that an event stood for counted. */
  count: number;
  seq: number;
  gaps: { from: number; to: number }[];
}

/** Whether a stream belongs to a subscription. */
export function covers({ channel, keys }: Subscription, stream: string): boolean {
  if (keys === null) return stream.startsWith(`${channel}:`);
  return keys.some((key) => streamOf(channel, key) === stream);
}

/**
 * Holds what a subscription got of one stream to what was published: within an epoch, delivered + `conflated` + told to be lost =
 * published, at every event and so at the end; each event once, in order, as it was published.
 */
export function account(
  subscription: Subscription,
  stream: string,
  published: readonly Published[],
  raw: readonly number[],
  reports: readonly Report[],
): Account {
  const problems: string[] = [];
  const eras = new Map<number, Era>();
  const epochs = new Map<string, number>();
  const start = published[(subscription.before.get(stream) ?? 0) - 1] ?? { era: 0, seq: 0 };
  let current = start.era;
  let isFirst = true;

  const era = (number: number): Era => {
    const base = number === start.era ? start.seq : 0;
    const found = eras.get(number) ?? { base, count: 0, seq: base, gaps: [] };
    eras.set(number, found);
    return found;
  };
  const lastSeq = (number: number) => published.findLast((each) => each.era === number)?.seq ?? 0;
  /** What is accounted for up to a number, against what there was. */
  const balance = (number: number, upTo: number): number => {
    const { base, count, gaps } = era(number);
    const lost = gaps.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, upTo) - from + 1), 0);
    return count + lost - (upTo - base);
  };
  const eraOf = (epoch: string): number => {
    const known = epochs.get(epoch);
    if (known !== undefined) return known;
    // One that was not heard of is the one after that which goes by another name.
    const number = [...epochs.values()].includes(current) ? current + 1 : current;
    epochs.set(epoch, number);
    return number;
  };

  const onGap = (gap: Partly) => {
    const { epoch, from, to } = gap as { epoch: string | null; from: number | null; to: number | null };
    const number = epoch === null ? current : eraOf(epoch);
    const { gaps, seq } = era(number);
    const range = { from: from ?? seq + 1, to: to ?? lastSeq(number) };
    if (range.from <= seq) problems.push(`the gap ${JSON.stringify(gap)} is of what was delivered: ${seq} had come`);
    gaps.push(range);
  };

  const onEvent = (frame: Partly) => {
    const n = (frame['data'] as Partly)['n'];
    const seq = frame['seq'] as number | undefined;
    const { conflated = 0, epoch } = frame as { conflated?: number; epoch?: string | null };
    const what = `event ${String(n)} (seq ${seq}, conflated ${conflated})`;
    if (seq === undefined) {
      if (!raw.includes(n as number)) problems.push(`${what} has no seq, and was published with one or not at all`);
      return;
    }
    // Of a stream that another scenario left behind, its last value may be seen.
    const isOld = frame['snapshot'] === true && published[0]?.n === 0 && published[0].seq === seq;
    const origin = isOld ? published[0] : published.find((each) => each.n === n);
    if (origin?.seq !== seq) {
      problems.push(`${what} was published as ${JSON.stringify(origin)}`);
      return;
    }
    if (typeof epoch === 'string' && eraOf(epoch) !== origin.era)
      problems.push(`${what} is of another epoch than told`);
    if (origin.era < current) problems.push(`${what} is of an epoch that was over`);
    for (; current < origin.era; current++) {
      const missing = -balance(current, lastSeq(current));
      if (missing !== 0) problems.push(`${missing} of the epoch before ${what} are missing, and nothing was said`);
    }
    const now = era(origin.era);
    const isSnapshot = frame['snapshot'] === true;
    // What a snapshot that comes first stands for was never to come by itself.
    if (isSnapshot && now.count === 0 && now.gaps.length === 0) now.base = seq - 1 - conflated;
    if (isSnapshot && isFirst) now.seq = Math.min(now.seq, seq - 1);
    isFirst = false;
    if (seq <= now.seq) problems.push(`${what} came after ${now.seq}`);
    now.seq = seq;
    // One that was told to be lost may be seen as a snapshot all the same.
    if (!isSnapshot || balance(origin.era, seq) !== 0) now.count += 1 + conflated;
    const surplus = balance(origin.era, seq);
    if (surplus !== 0) {
      problems.push(
        `at ${what} ${Math.abs(surplus)} ${surplus < 0 ? 'are missing, and nothing was said' : 'too many'}`,
      );
    }
  };

  for (const { report, name, frame, gap } of reports.slice(subscription.from)) {
    if (report === 'gap' && streamOfFrame(gap as Partly) === stream) onGap(gap as Partly);
    if (report === 'event' && name === subscription.name && streamOfFrame(frame as Partly) === stream) {
      onEvent(frame as Partly);
    }
  }
  const last = published.at(-1)?.era ?? 0;
  let missing = 0;
  for (let number = current; number <= last; number++) missing += Math.max(0, -balance(number, lastSeq(number)));
  return { problems, missing };
}

/** Of a push or a gap. */
export function streamOfFrame(frame: Partly): string {
  const channel = String(frame['channel'] ?? frame['type']);
  const key = frame['key'] ?? frame['symbol'] ?? frame['agent_id'] ?? frame['backtest_id'];
  return streamOf(channel, key as string | null | undefined);
}
