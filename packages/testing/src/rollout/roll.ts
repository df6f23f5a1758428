import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Bustle, startBustle } from '../bustle.ts';
import { eventually } from '../eventually.ts';
import { SYMBOL, gatherAudience, isSeated } from './audience.ts';
import type { Departure, Fleet } from './fleet.ts';
import { Latencies, type Phase } from './latencies.ts';
import {
  expectCleanExits,
  expectEveryAlertOnce,
  expectNewestQuote,
  expectNobodyLetIn,
  expectOnlySentAway,
  expectSeatsKept,
  expectThat,
} from './promises.ts';
import { type Spread, mostInASecond, spreadOf } from './spread.ts';

/** What rolling a full cluster was like. All times are in milliseconds of this process's own clock. */
export interface RollReport {
  readonly clients: number;
  readonly edges: number;
  readonly alerts: number;
  readonly quotes: number;
  /** From handing an alert to Redis to a client's having it, the replayed ones too. */
  readonly latencyMs: Readonly<Record<Phase, Spread>>;
  /** From a client's close to its seat. */
  readonly absenceMs: Spread;
  /** The most closes within any second. */
  readonly mostClosesInASecond: number;
  /** Attempts of clients to come back that got no seat. */
  readonly failedReturns: number;
  readonly knocks: number;
  /** Knocks that got another answer than that the cluster is full. */
  readonly brokenKnocks: number;
  readonly departures: readonly Departure[];
  /** The longest that this process itself was busy with something else: latencies may be longer by that. */
  readonly ownDelayMs: number;
}

/** Of alerts, before and after: a few seconds. */
const QUIET_ALERTS = 12;
const SEATED_WITHIN_MS = 15_000;

/**
 * Takes all seats through the balancer, and replaces each edge by a new one, one after the other, the new one first.
 *
 * @throws when a client loses its seat, an alert is lost, doubled or out of order, a client sees another close than 1012, a
 *   newcomer gets in, or an edge does not exit with 0
 */
export async function roll(fleet: Fleet): Promise<RollReport> {
  const latencies = new Latencies();
  const roamers = await gatherAudience(fleet, fleet.cap, () => ({ onAlert: latencies.note }));
  const ownDelay = monitorEventLoopDelay();
  ownDelay.enable();
  const bustle = await startBustle({
    redisUrl: fleet.redisUrl,
    prefix: fleet.redisPrefix,
    token: await fleet.mintToken('newcomer'),
    doors: () => [fleet.url],
    symbol: SYMBOL,
  });
  latencies.sentAt = bustle.alertsSentAt;
  try {
    await severalAlerts(bustle);
    latencies.phase = 'during';
    const old = await fleet.nodes();
    const departures: Departure[] = [];
    for (const { name } of old) {
      await fleet.add();
      departures.push(await fleet.drain(name));
    }
    await eventually(() => roamers.every(isSeated), { withinMs: SEATED_WITHIN_MS }).catch(() => undefined);
    latencies.phase = 'after';
    await severalAlerts(bustle);
    const { knocks, quotes } = bustle;
    const { published, mostSeats } = await bustle.end();
    ownDelay.disable();

    expectCleanExits(departures);
    expectOnlySentAway(roamers);
    expectSeatsKept(roamers);
    expectNobodyLetIn(knocks, mostSeats, fleet.cap);
    await expectEveryAlertOnce(roamers, 1, published);
    await expectNewestQuote(roamers, quotes);
    await expectAllReplaced(fleet, old);
    const closes = roamers.flatMap((roamer) => roamer.closes.map(({ at }) => at));
    return {
      clients: roamers.length,
      edges: old.length,
      alerts: published,
      quotes,
      latencyMs: latencies.spreads(),
      absenceMs: spreadOf(roamers.flatMap(({ absences }) => absences)),
      mostClosesInASecond: mostInASecond(closes),
      failedReturns: roamers.reduce((sum, { refusals }) => sum + refusals.length, 0),
      knocks: knocks.length,
      brokenKnocks: knocks.filter(({ outcome }) => outcome === 'broken').length,
      departures,
      ownDelayMs: ownDelay.max / 1e6,
    };
  } finally {
    await bustle.end();
    await Promise.all(roamers.map((roamer) => roamer.leave()));
  }
}

async function severalAlerts({ alertsSentAt }: Bustle): Promise<void> {
  const wanted = alertsSentAt.length + QUIET_ALERTS;
  await eventually(() => alertsSentAt.length >= wanted, { withinMs: 60_000 });
}

/** @throws unless the fleet has as many edges as before, all of them new, and all clients are on them */
async function expectAllReplaced(fleet: Fleet, old: readonly { name: string }[]): Promise<void> {
  const now = await fleet.nodes();
  const left = now.filter(({ name }) => old.some((former) => former.name === name));
  const seated = now.reduce((sum, node) => sum + node.seated, 0);
  expectThat(
    now.length === old.length && left.length === 0 && seated === fleet.cap,
    `${old.length} new edges have all ${fleet.cap} clients`,
    now.map((node) => `${node.name}: ${node.seated}`).join(', '),
  );
}
