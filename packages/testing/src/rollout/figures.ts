import type { Knock } from '../bustle.ts';
import type { Roamer } from '../roamer.ts';
import type { Audience } from './audience.ts';
import type { Phase } from './latencies.ts';
import { type Spread, spreadOf } from './spread.ts';

/** What every scenario tells. Times are in milliseconds of this process's own clock. */
export interface Figures {
  /** All clients, those that came later too. */
  readonly clients: number;
  readonly alerts: number;
  readonly quotes: number;
  /**
   * From handing an alert to Redis to a client's having it, the replayed ones too. `during` is while edges come and go.
   * Clients, publisher and, mostly, edges share one machine here: how busy that was is in it.
   */
  readonly latencyMs: Readonly<Record<Phase, Spread>>;
  /** From a client's close to its next seat. */
  readonly absenceMs: Spread;
  /** The most closes within any second. */
  readonly mostClosesInASecond: number;
  /** What clients were told that came back and got no seat at once; they tried again. */
  readonly failedReturns: readonly string[];
  readonly knocks: number;
  /** Newcomers that were neither seated nor told why not. */
  readonly brokenKnocks: readonly Knock[];
}

export function figuresOf({ roamers, bustle, latencies }: Audience): Figures {
  return {
    clients: roamers.length,
    alerts: bustle.alertsSentAt.length,
    quotes: bustle.quotes,
    latencyMs: latencies.spreads(),
    absenceMs: spreadOf(roamers.flatMap(({ absences }) => absences)),
    mostClosesInASecond: mostInASecond(roamers.flatMap(closesOf)),
    // Whoever never left may have had to wait at the door of a full cluster.
    failedReturns: roamers
      .filter(({ closes }) => closes.length > 0)
      .flatMap(({ refusals }) => refusals)
      .filter((refusal) => !isSentOn(refusal)),
    knocks: bustle.knocks.length,
    brokenKnocks: bustle.knocks.filter(({ outcome }) => outcome === 'broken'),
  };
}

/** By an edge that began to drain before it had seated the client. */
const isSentOn = (refusal: string) => (JSON.parse(refusal) as { code?: number }).code === 1012;

const closesOf = ({ closes }: Roamer) => closes.map(({ at }) => at);

/** The most of these moments that lie within a second, wherever it begins. */
function mostInASecond(moments: readonly number[]): number {
  const sorted = moments.toSorted((one, other) => one - other);
  let first = 0;
  let most = 0;
  for (const [index, moment] of sorted.entries()) {
    while ((sorted[first] ?? moment) <= moment - 1000) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
