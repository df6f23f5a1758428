import { setTimeout as sleep } from 'node:timers/promises';
import { type Member, joinCrowd } from '@tickcast/testing';

const RETRY_MS = 200;
const HELLO = { type: 'hello' };

/** A client of alerts that does what the protocol says when it is sent away: it comes back with its seat and `since`. */
export interface Roamer {
  /** Its seat by every `welcome` it got. */
  readonly seats: string[];
  /** How its stays ended, with the moment of `performance.now()`. */
  readonly closes: { code: number; at: number }[];
  /** `data.n` of the alerts in the order they came, over all stays. */
  readonly alerts: number[];
  /** Every frame that is not of everyday life. */
  readonly notices: Record<string, unknown>[];
  /** What it was told instead of getting a seat. */
  readonly refusals: string[];
  leave(): Promise<void>;
}

const roamers = new Set<{ leave(): Promise<void> }>();

/** Ends whoever still roams; for `afterEach`. */
export async function recallRoamers(): Promise<void> {
  await Promise.all([...roamers].map((roamer) => roamer.leave()));
}

const EVERYDAY = new Set(['welcome', 'alerts', 'subscribed']);

/**
 * @param nodeOf URL of the node where it tries to stay next, its first stay being 0
 * @returns the roamer, once it is subscribed
 */
export async function sendRoamer(token: string, nodeOf: (stay: number) => string): Promise<Roamer> {
  const seats: string[] = [];
  const closes: Roamer['closes'] = [];
  const alerts: number[] = [];
  const notices: Roamer['notices'] = [];
  const refusals: string[] = [];
  let position: { epoch: unknown; seq: unknown } | null = null;
  let member: Member | null = null;
  let asked: object = HELLO;
  let isLeaving = false;
  let onSubscribed: () => void = () => undefined;
  const subscribed = new Promise<void>((resolve) => (onSubscribed = resolve));

  const onFrame = (frame: Record<string, unknown>) => {
    const { type, data, seq, epoch } = frame;
    if (frame['error'] === 'rate_limited') {
      // The bucket of a seat taken over from a living or dead node is empty.
      setTimeout(() => member?.send(asked), Number(frame['retry_after_ms']));
    }
    if (type === 'alerts') {
      alerts.push((data as { n: number }).n);
      if (position) position.seq = seq;
    } else if (type === 'subscribed') {
      // A later reply comes before what `since` brings back, so it does not move the position.
      position ??= { epoch, seq };
      onSubscribed();
    }
    if (!EVERYDAY.has(String(type))) notices.push(frame);
  };

  const roam = async () => {
    for (let stay = 0; !isLeaving; stay++) {
      const seat = seats.at(-1);
      asked = HELLO;
      member = joinCrowd(`${nodeOf(stay)}${seat === undefined ? '' : `?seat=${seat}`}`, token, onFrame);
      const arrival = await member.arrival;
      if (arrival.outcome === 'seated') {
        seats.push(String(arrival.welcome['seat']));
        asked = { type: 'subscribe', id: stay, channel: 'alerts', ...(position ? { since: position } : {}) };
        member.send(asked);
        closes.push({ code: await member.closed, at: performance.now() });
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
  const roamer = { seats, closes, alerts, notices, refusals, leave };
  roamers.add(roamer);
  void roam();
  await subscribed;
  return roamer;
}
