import { setTimeout as sleep } from 'node:timers/promises';
import { type Member, joinCrowd } from './crowd.ts';

const RETRY_MS = 200;
/** A dead node whose machine is dead too answers nothing: give up and try the next. */
const PATIENCE_MS = 5000;
const HELLO = { type: 'hello' };

/** A client of alerts that does what the protocol says when it is sent away: it comes back with its seat and `since`. */
export interface Roamer {
  /** Its seat by every `welcome` it got. */
  readonly seats: string[];
  /** The nodes by the same. */
  readonly nodes: string[];
  /** How its stays ended, with the moment of `performance.now()`. */
  readonly closes: { code: number; at: number }[];
  /** Milliseconds from each of them to the next seat. */
  readonly absences: number[];
  /** `data.n` of the alerts in the order they came, over all stays; those without one are somebody else's. */
  readonly alerts: number[];
  readonly wantsQuotes: boolean;
  /** The same of the quotes. What its next node delivered last, which comes first there, may be older than what it had. */
  readonly quotes: { n: number; isSnapshot: boolean }[];
  /** Every frame that is not of everyday life. */
  readonly notices: Record<string, unknown>[];
  /** What it was told instead of getting a seat. */
  readonly refusals: string[];
  leave(): Promise<void>;
}

export interface RoamerOptions {
  /** Of quotes it wants too. */
  symbol?: string;
  onAlert?(n: number): void;
  /** Asked at the end of each stay; it always does when absent. */
  comesBack?(roamer: Roamer): boolean;
}

const roamers = new Set<{ leave(): Promise<void> }>();

/** Ends whoever still roams; for `afterEach`. */
export async function recallRoamers(): Promise<void> {
  await Promise.all([...roamers].map((roamer) => roamer.leave()));
}

const EVERYDAY = new Set(['welcome', 'alerts', 'market_data', 'subscribed']);

/**
 * @param nodeOf URL of the node where it tries to stay next, its first stay being 0
 * @returns the roamer, once it is subscribed
 */
export async function sendRoamer(
  token: string,
  nodeOf: (stay: number) => string,
  { symbol, onAlert, comesBack = () => true }: RoamerOptions = {},
): Promise<Roamer> {
  const seats: string[] = [];
  const nodes: string[] = [];
  const closes: Roamer['closes'] = [];
  const absences: number[] = [];
  const alerts: number[] = [];
  const quotes: Roamer['quotes'] = [];
  const notices: Roamer['notices'] = [];
  const refusals: string[] = [];
  let position: { epoch: unknown; seq: unknown } | null = null;
  let member: Member | null = null;
  let asked: object = HELLO;
  let isLeaving = false;
  let onSubscribed: () => void = () => undefined;
  const subscribed = new Promise<void>((resolve) => (onSubscribed = resolve));

  const ask = (message: object) => {
    asked = message;
    member?.send(message);
  };
  const onFrame = (frame: Record<string, unknown>) => {
    const { type, data, seq, epoch, channel, id, error } = frame;
    // The bucket of a seat taken over from a living or dead node is empty, and what was asked may need a Redis that is busy.
    if (error === 'rate_limited' || (error === 'backplane_unavailable' && id !== undefined)) {
      const asking = member;
      setTimeout(() => member === asking && member?.send(asked), Number(frame['retry_after_ms']));
    }
    if (type === 'alerts') {
      if (position) position.seq = seq;
      const { n } = data as { n?: number };
      if (n === undefined) return;
      alerts.push(n);
      onAlert?.(n);
    } else if (type === 'market_data') {
      quotes.push({ n: (data as { n: number }).n, isSnapshot: frame['snapshot'] === true });
    } else if (type === 'subscribed' && channel === 'alerts') {
      // A later reply comes before what `since` brings back, so it does not move the position.
      position ??= { epoch, seq };
      if (symbol === undefined) onSubscribed();
      else ask({ type: 'subscribe', id: 'quotes', channel: 'market_data', symbol });
    } else if (type === 'subscribed') onSubscribed();
    if (!EVERYDAY.has(String(type))) notices.push(frame);
  };

  const roam = async () => {
    for (let stay = 0; !isLeaving; stay++) {
      const seat = seats.at(-1);
      asked = HELLO;
      const attempt = joinCrowd(`${nodeOf(stay)}${seat === undefined ? '' : `?seat=${seat}`}`, token, onFrame);
      member = attempt;
      const giveUp = setTimeout(() => attempt.breakOff(), PATIENCE_MS);
      const arrival = await attempt.arrival;
      clearTimeout(giveUp);
      if (arrival.outcome === 'seated') {
        const leftAt = closes.at(-1)?.at;
        if (leftAt !== undefined) absences.push(performance.now() - leftAt);
        seats.push(String(arrival.welcome['seat']));
        nodes.push(String(arrival.welcome['node']));
        ask({ type: 'subscribe', id: stay, channel: 'alerts', ...(position ? { since: position } : {}) });
        closes.push({ code: await attempt.closed, at: performance.now() });
        if (!comesBack(roamer)) return;
      } else {
        refusals.push(JSON.stringify(arrival));
        await sleep(RETRY_MS);
      }
    }
  };
  const leave = async () => {
    isLeaving = true;
    roamers.delete(roamer);
    await member?.leave();
  };
  const wantsQuotes = symbol !== undefined;
  const roamer = { seats, nodes, closes, absences, alerts, wantsQuotes, quotes, notices, refusals, leave };
  roamers.add(roamer);
  void roam();
  await subscribed;
  return roamer;
}
