import type { Knock } from '../bustle.ts';
import { eventually } from '../eventually.ts';
import type { Roamer } from '../roamer.ts';
import type { Departure, Fleet, FleetNode } from './fleet.ts';

const ARRIVES_WITHIN_MS = 10_000;
const SHOWN = 3;

/** @throws when an edge that was to go did not do so cleanly */
export function expectCleanExits(departures: readonly Departure[]): void {
  const codes = departures.map(({ exitCode }) => exitCode);
  expectAll(codes, (code) => code === 0, 'every drained edge exits with 0', String);
}

/** @throws unless every connection that ended was sent away by its edge (1012) */
export function expectOnlySentAway(roamers: readonly Roamer[]): void {
  const codes = roamers.flatMap(({ closes }) => closes.map(({ code }) => code));
  expectAll(codes, (code) => code === 1012, 'the only close that a client sees is 1012', String);
}

/** @throws unless each client kept the seat it had first, and nobody shares one */
export function expectSeatsKept(roamers: readonly Roamer[]): void {
  expectAll(
    roamers,
    ({ seats }) => new Set(seats).size === 1,
    'every client has the one seat that it had from the start',
    ({ seats, refusals }) => `seats ${seats.join(', ')}; refused ${refusals.join(' ') || 'never'}`,
  );
  const different = new Set(roamers.map(({ seats }) => seats[0])).size;
  expectThat(different === roamers.length, 'no two clients share a seat', `${different} seats of ${roamers.length}`);
}

/**
 * Waits for the last alert, then looks at all of them.
 *
 * @param latestFirst `data.n` of the first alert that was certainly published after they had subscribed
 * @throws unless each client got every alert from its first to `last` once and in order
 */
export async function expectEveryAlertOnce(
  roamers: readonly Roamer[],
  latestFirst: number,
  last: number,
): Promise<void> {
  const isComplete = ({ alerts }: Roamer) => alerts.at(-1) === last;
  await eventually(() => roamers.every(isComplete), { withinMs: ARRIVES_WITHIN_MS }).catch(() => undefined);
  expectAll(
    roamers,
    ({ alerts: [first = last, ...rest] }) =>
      first <= latestFirst && first + rest.length === last && rest.every((n, index) => n === first + index + 1),
    `every client gets all alerts from at least ${latestFirst} to ${last}, each once and in order`,
    ({ alerts }) => describeDisorder(alerts, last),
  );
}

/** @throws unless the newest quote reached everybody who wants quotes, and each push was newer than the one before */
export async function expectNewestQuote(roamers: readonly Roamer[], last: number): Promise<void> {
  const readers = roamers.filter(({ wantsQuotes }) => wantsQuotes);
  const isCurrent = ({ quotes }: Roamer) => quotes.at(-1)?.n === last;
  await eventually(() => readers.every(isCurrent), { withinMs: ARRIVES_WITHIN_MS }).catch(() => undefined);
  expectAll(
    readers,
    (reader) => isCurrent(reader) && isInOrder(reader),
    `the newest quote, ${last}, is the last that each of its readers has, and no push is older than the one before`,
    ({ quotes }) => `…${quotes.slice(-5).map(({ n }) => n)}`,
  );
}

function isInOrder({ quotes }: Roamer): boolean {
  return quotes.every(({ n, isSnapshot }, index) => isSnapshot || n > (quotes[index - 1]?.n ?? 0));
}

/** @throws when one of these newcomers got a seat */
export function expectNobodyLetIn(knocks: readonly Knock[]): void {
  const isOut = ({ outcome }: Knock) => outcome !== 'seated';
  expectAll(knocks, isOut, 'a full cluster gives a newcomer no seat', ({ answer }) => answer);
}

export function expectCapKept(mostSeats: number, cap: number): void {
  expectThat(mostSeats <= cap, `at most ${cap} seats are ever taken`, `${mostSeats} were`);
}

/** @throws unless so many edges are left with all clients on them; answers them */
export async function expectSeated(fleet: Fleet, edges: number, clients: number): Promise<readonly FleetNode[]> {
  let nodes: readonly FleetNode[] = [];
  const areThere = async () => {
    nodes = await fleet.nodes();
    return nodes.length === edges && nodes.reduce((sum, { seated }) => sum + seated, 0) === clients;
  };
  const holds = await eventually(areThere).catch(() => false);
  const seen = nodes.map(({ name, seated }) => `${name} has ${seated}`).join(', ');
  expectThat(holds, `${clients} clients are seated at ${edges} edges in the end`, seen);
  return nodes;
}

export function expectThat(holds: boolean, promise: string, seen: string): void {
  if (!holds) throw new Error(`expected that ${promise}; seen: ${seen}`);
}

function expectAll<Item>(
  items: readonly Item[],
  holds: (item: Item) => boolean,
  promise: string,
  describe: (item: Item) => string,
): void {
  const wrong = items.filter((item) => !holds(item));
  const examples = wrong.slice(0, SHOWN).map(describe).join(' | ');
  expectThat(wrong.length === 0, promise, `not so for ${wrong.length} of ${items.length}, such as: ${examples}`);
}

function describeDisorder(alerts: readonly number[], last: number): string {
  const at = alerts.findIndex((n, index) => index > 0 && n !== (alerts[index - 1] ?? 0) + 1);
  if (at === -1) return `${alerts[0]} to ${alerts.at(-1)}, and not ${last}`;
  return `…${alerts.slice(Math.max(0, at - 2), at + 3).join(', ')}…`;
}
