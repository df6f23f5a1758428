import { eventually } from '../eventually.ts';
import type { Roamer } from '../roamer.ts';
import { withAudience } from './audience.ts';
import { type Figures, figuresOf } from './figures.ts';
import type { Fleet, FleetNode } from './fleet.ts';
import {
  expectCapKept,
  expectEveryAlertOnce,
  expectNewestQuote,
  expectNobodyLetIn,
  expectSeated,
  expectSeatsKept,
  expectThat,
} from './promises.ts';

export interface KillReport extends Figures {
  readonly scenario: 'kill';
  /** Clients of the killed edge that came back at once, and that did not. */
  readonly returned: number;
  readonly gone: number;
  /** Milliseconds from the kill until the balancer sent nobody there any more. */
  readonly outAfterMs: number;
  /** Milliseconds from the kill until the seats of those who did not come back were free. */
  readonly freeAfterMs: number;
}

const OUT_WITHIN_MS = 5000;
/** A lease of 15 s is renewed every 5 s; a renewal may be late by a second, and so may be what we see of it. */
const RESERVED_MS = 8000;
/** SPEC 1. */
const FREE_WITHIN_MS = 16_000;

/**
 * Takes all seats of the fleet through its balancer and kills the edge with the most clients. Every other one of them comes
 * back at once.
 *
 * @throws when one of those loses its seat or an alert, somebody of another edge notices, the balancer sends newcomers to the
 *   dead edge after 5 s, the seats of the others are given away at once, or not free after 16 s, newcomers do not get them, or an attempt to connect fails once the balancer has taken the edge out
 */
export async function killOne(fleet: Fleet): Promise<KillReport> {
  const gone = new Set<Roamer>();
  const comesBack = (roamer: Roamer) => !gone.has(roamer);
  return withAudience(fleet, { count: fleet.cap, comesBack }, async (audience) => {
    const { roamers, bustle, latencies } = audience;
    await audience.listen();
    const before = await fleet.nodes();
    const victim = mostSeated(before);
    const bereaved = roamers.filter(({ nodes }) => nodes.at(-1) === victim.nodeId);
    for (const [index, roamer] of bereaved.entries()) if (index % 2 === 1) gone.add(roamer);
    const present = roamers.filter(comesBack);
    const unconcerned = present.filter((roamer) => !bereaved.includes(roamer));

    latencies.phase = 'during';
    await fleet.kill(victim.name);
    const killedAt = performance.now();
    const out = async () => {
      await eventually(async () => !(await fleet.isServing(victim.name)), { withinMs: OUT_WITHIN_MS });
      return performance.now();
    };
    const free = async () => {
      await eventually(() => bustle.seats <= fleet.cap - gone.size + 1, { withinMs: FREE_WITHIN_MS });
      return performance.now();
    };
    const [outAt, freeAt] = await Promise.all([out(), free(), audience.settle(present)]);
    latencies.phase = 'after';
    const heirs = await audience.bring(gone.size);
    const heardFrom = bustle.alertsSentAt.length + 1;
    await audience.listen();
    const { published, mostSeats } = await bustle.end();

    const disturbed = unconcerned.filter(({ closes }) => closes.length > 0).length;
    expectThat(disturbed === 0, 'clients of the other edges stay', `${disturbed} of ${unconcerned.length} did not`);
    expectSeatsKept(present);
    expectNobodyLetIn(bustle.knocks.filter(({ at, tookMs }) => at + tookMs < killedAt + RESERVED_MS));
    expectCapKept(mostSeats, fleet.cap);
    const failed = bustle.knocks.filter(({ at, outcome }) => at > outAt && outcome === 'broken');
    expectThat(failed.length === 0, 'no attempt fails once the edge is out', JSON.stringify(failed.slice(0, 3)));
    await expectEveryAlertOnce(present, 1, published);
    await expectEveryAlertOnce(heirs, heardFrom, published);
    await expectNewestQuote([...present, ...heirs], bustle.quotes);
    await expectSeated(fleet, before.length - 1, fleet.cap);
    return {
      scenario: 'kill',
      ...figuresOf(audience),
      returned: bereaved.length - gone.size,
      gone: gone.size,
      outAfterMs: outAt - killedAt,
      freeAfterMs: freeAt - killedAt,
    };
  });
}

function mostSeated(nodes: readonly FleetNode[]): FleetNode {
  const [first] = nodes.toSorted((one, other) => other.seated - one.seated);
  if (!first) throw new Error('there is no edge to kill');
  return first;
}
