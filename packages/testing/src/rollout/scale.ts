import type { Roamer } from '../roamer.ts';
import { withAudience } from './audience.ts';
import { type Figures, figuresOf } from './figures.ts';
import type { Departure, Fleet } from './fleet.ts';
import {
  expectCapKept,
  expectCleanExits,
  expectEveryAlertOnce,
  expectNewestQuote,
  expectOnlySentAway,
  expectSeated,
  expectSeatsKept,
  expectThat,
} from './promises.ts';

export interface ScaleReport extends Figures {
  readonly scenario: 'scale';
  readonly from: number;
  readonly to: number;
  /** How many clients each edge got of those that came when there were `to`, by its name. */
  readonly newcomersOf: Readonly<Record<string, number>>;
  readonly departures: readonly Departure[];
}

/** Shares of the cap: seats are left for those who knock. */
const FIRST = 0.3;
const NEWCOMERS = 0.2;

/**
 * With clients on `from` edges, starts more until there are `to`, lets newcomers in, and ends the edges that it started again,
 * all at once.
 *
 * @throws when a new edge gets less than half of an even share of the newcomers or an old one more than twice that, a client
 *   loses its seat or sees another close than 1012, an alert is lost, doubled or out of order, an edge does not exit with 0,
 *   or not all clients are on the first edges in the end
 */
export async function scale(fleet: Fleet, { from, to }: { from: number; to: number }): Promise<ScaleReport> {
  await resize(fleet, from);
  return withAudience(fleet, { count: Math.round(fleet.cap * FIRST) }, async (audience) => {
    const { roamers, bustle, latencies } = audience;
    const first = [...roamers];
    await audience.listen();
    latencies.phase = 'during';
    const added: string[] = [];
    while (added.length < to - from) added.push(await fleet.add());
    const newcomers = await audience.bring(Math.round(fleet.cap * NEWCOMERS));
    const heardFrom = bustle.alertsSentAt.length + 1;
    const newcomersOf = await countByName(fleet, newcomers);
    expectSpread(newcomersOf, added);
    await audience.listen();

    const departures = await Promise.all(added.map((name) => fleet.drain(name)));
    await audience.settle();
    latencies.phase = 'after';
    await audience.listen();
    const { published, mostSeats } = await bustle.end();

    expectCleanExits(departures);
    expectOnlySentAway(roamers);
    expectSeatsKept(roamers);
    expectCapKept(mostSeats, fleet.cap);
    await expectEveryAlertOnce(first, 1, published);
    await expectEveryAlertOnce(newcomers, heardFrom, published);
    await expectNewestQuote(roamers, bustle.quotes);
    await expectSeated(fleet, from, roamers.length);
    return { scenario: 'scale', from, to, ...figuresOf(audience), newcomersOf, departures };
  });
}

/** Nobody is there yet. */
async function resize(fleet: Fleet, edges: number): Promise<void> {
  const present = await fleet.nodes();
  await Promise.all(present.slice(edges).map(({ name }) => fleet.drain(name)));
  for (let count = present.length; count < edges; count++) await fleet.add();
}

async function countByName(fleet: Fleet, newcomers: readonly Roamer[]): Promise<Record<string, number>> {
  const nodes = await fleet.nodes();
  const count = (nodeId: string) => newcomers.filter((newcomer) => newcomer.nodes[0] === nodeId).length;
  return Object.fromEntries(nodes.map(({ name, nodeId }) => [name, count(nodeId)]));
}

function expectSpread(newcomersOf: Readonly<Record<string, number>>, added: readonly string[]): void {
  const counts = Object.entries(newcomersOf);
  const even = counts.reduce((sum, [, count]) => sum + count, 0) / counts.length;
  expectThat(
    counts.every(([name, count]) => (added.includes(name) ? count >= even / 2 : count <= even * 2)),
    `each of ${added} gets at least half of an even share of the newcomers, ${even}, and no other more than twice that`,
    JSON.stringify(newcomersOf),
  );
}
