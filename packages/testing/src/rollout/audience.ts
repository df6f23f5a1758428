import { type Bustle, startBustle } from '../bustle.ts';
import { eventually } from '../eventually.ts';
import { type Roamer, type RoamerOptions, recallRoamers, sendRoamer } from '../roamer.ts';
import type { Fleet } from './fleet.ts';
import { Latencies } from './latencies.ts';
import { expectThat } from './promises.ts';

/** Whoever is one of so many people; each holds a few seats. */
const SUBS = 100;
/** Every so many clients, one wants quotes too. */
const QUOTES_EVERY = 10;
/** Nobody else publishes quotes of it. */
const SYMBOL = 'ROLLOUT';
/** A few seconds of them. */
const SEVERAL_ALERTS = 12;
const BROUGHT_WITHIN_MS = 30_000;
const SEATED_WITHIN_MS = 15_000;

/** Clients of a fleet, and what goes on around them. */
export interface Audience {
  /** All that were brought, in that order. */
  readonly roamers: readonly Roamer[];
  readonly bustle: Bustle;
  readonly latencies: Latencies;
  /** Has so many more come, all at once, and answers those. @throws when one is not subscribed within 30 s */
  bring(count: number): Promise<readonly Roamer[]>;
  /** Lets several alerts be published. */
  listen(): Promise<void>;
  /** Waits until these have a seat again, or 15 s have passed. */
  settle(roamers?: readonly Roamer[]): Promise<void>;
}

export interface AudienceOptions {
  /** Clients that are there before anything is published. */
  count: number;
  /** Asked when the connection of a client ends; all come back when absent. */
  comesBack?(roamer: Roamer): boolean;
}

/**
 * Has so many clients come through the balancer, all at once: all of them want alerts, one in ten quotes too. Once each has its
 * seat and its subscriptions, both are published and newcomers knock until `act` is through.
 *
 * @throws when one has none within 30 s, and what `act` throws
 */
export async function withAudience<Result>(
  fleet: Fleet,
  { count, comesBack }: AudienceOptions,
  act: (audience: Audience) => Promise<Result>,
): Promise<Result> {
  const latencies = new Latencies();
  const roamers: Roamer[] = [];
  const tokens = await Promise.all(Array.from({ length: SUBS }, (_, index) => fleet.mintToken(`trader-${index}`)));

  const send = async (index: number): Promise<Roamer> => {
    const options: RoamerOptions = { onAlert: latencies.note };
    if (index % QUOTES_EVERY === 0) options.symbol = SYMBOL;
    if (comesBack) options.comesBack = comesBack;
    return sendRoamer(tokens[index % SUBS] as string, () => fleet.url, options);
  };
  const bring = async (more: number): Promise<readonly Roamer[]> => {
    const brought: Roamer[] = [];
    for (let index = 0; index < more; index++) void send(index).then((roamer) => brought.push(roamer));
    await eventually(() => brought.length === more, { withinMs: BROUGHT_WITHIN_MS }).catch(() => undefined);
    expectThat(brought.length === more, `${more} clients get seats and subscriptions`, `${brought.length} did`);
    roamers.push(...brought);
    return brought;
  };
  try {
    await bring(count);
    const bustle = await startBustle({
      redisUrl: fleet.redisUrl,
      prefix: fleet.redisPrefix,
      token: await fleet.mintToken('newcomer'),
      doors: () => [fleet.url],
      symbol: SYMBOL,
    });
    latencies.sentAt = bustle.alertsSentAt;
    const listen = async () => {
      const wanted = bustle.alertsSentAt.length + SEVERAL_ALERTS;
      await eventually(() => bustle.alertsSentAt.length >= wanted, { withinMs: 60_000 });
    };
    const settle = (whom: readonly Roamer[] = roamers) =>
      eventually(() => whom.every(isSeated), { withinMs: SEATED_WITHIN_MS }).then(
        () => undefined,
        () => undefined,
      );
    try {
      return await act({ roamers, bustle, latencies, bring, listen, settle });
    } finally {
      await bustle.end();
    }
  } finally {
    await recallRoamers();
  }
}

const isSeated = ({ seats, closes }: Roamer) => seats.length === closes.length + 1;
