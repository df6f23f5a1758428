import { withAudience } from './audience.ts';
import { type Figures, figuresOf } from './figures.ts';
import type { Departure, Fleet } from './fleet.ts';
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
}

/**
 * Takes all seats of the fleet through its balancer, and replaces each edge by a new one, one after the other, the new one
 * first.
 *
 * @throws when a client loses its seat, an alert is lost, doubled or out of order, a client sees another close than 1012, a
 *   newcomer gets in, or an edge does not exit with 0
 */
export function roll(fleet: Fleet): Promise<RollReport> {
  return withAudience(fleet, { count: fleet.cap }, async (audience) => {
    const { roamers, bustle, latencies } = audience;
    await audience.listen();
    latencies.phase = 'during';
    const old = await fleet.nodes();
    const departures: Departure[] = [];
    for (const { name } of old) {
      await fleet.add();
      departures.push(await fleet.drain(name));
    }
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
    return { scenario: 'roll', ...figuresOf(audience), departures };
  });
}
