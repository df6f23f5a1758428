import { withAudience } from './audience.ts';
import { type Figures, figuresOf } from './figures.ts';
import type { Departure, Fleet, FleetNode } from './fleet.ts';
import {
  expectCapKept,
  expectCleanExits,
  expectEveryAlertOnce,
  expectNewestQuote,
  expectNobodyLetIn,
  expectOnlySentAway,
  expectSeated,
  expectSeatsKept,
  expectThat,
} from './promises.ts';

export interface RollReport extends Figures {
  readonly scenario: 'roll';
  readonly departures: readonly Departure[];
  /** How often a client was sent on, at most. */
  readonly mostMoves: number;
}

/** Puts new edges in the place of the old ones, and answers how these went. */
export type Replace = (old: readonly FleetNode[]) => Promise<readonly Departure[]>;

/**
 * Takes all seats of the fleet through its balancer, and replaces its edges: one after the other, the new one first, unless told
 * otherwise.
 *
 * @throws when a client loses its seat, an alert is lost, doubled or out of order, a client sees another close than 1012, a
 *   newcomer gets in, or an edge does not exit with 0
 */
export function roll(fleet: Fleet, replace: Replace = oneByOne(fleet)): Promise<RollReport> {
  return withAudience(fleet, { count: fleet.cap }, async (audience) => {
    const { roamers, bustle, latencies } = audience;
    await audience.listen();
    latencies.phase = 'during';
    const old = await fleet.nodes();
    const departures = await replace(old);
    await audience.settle();
    latencies.phase = 'after';
    await audience.listen();
    const { published, mostSeats } = await bustle.end();

    expectCleanExits(departures);
    expectOnlySentAway(roamers);
    expectSeatsKept(roamers);
    expectNobodyLetIn(bustle.knocks);
    expectCapKept(mostSeats, fleet.cap);
    await expectEveryAlertOnce(roamers, 1, published);
    await expectNewestQuote(roamers, bustle.quotes);
    const now = await expectSeated(fleet, old.length, fleet.cap);
    const left = now.filter(({ name }) => old.some((former) => former.name === name));
    expectThat(left.length === 0, 'every edge is a new one', `${left.map(({ name }) => name)} is not`);
    const mostMoves = Math.max(...roamers.map(({ closes }) => closes.length));
    return { scenario: 'roll', ...figuresOf(audience), departures, mostMoves };
  });
}

/** For updates in which all new edges are there before the first old one goes. */
export function expectMovedOnce({ mostMoves }: RollReport): void {
  expectThat(mostMoves <= 1, 'each client is moved once at most', `${mostMoves} times`);
}

function oneByOne(fleet: Fleet): Replace {
  return async (old) => {
    const departures: Departure[] = [];
    for (const { name } of old) {
      await fleet.add();
      departures.push(await fleet.drain(name));
    }
    return departures;
  };
}
