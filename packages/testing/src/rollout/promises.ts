import type { Knock } from '../bustle.ts';
import { eventually } from '../eventually.ts';
import type { Roamer } from '../roamer.ts';
import type { Departure } from './fleet.ts';

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
 * @param first `data.n` of the first alert that was published after the client had subscribed
 * @throws unless each client got every alert from `first` to `last` once and in order
 */
export async function expectEveryAlertOnce(roamers: readonly Roamer[], first: number, last: number): Promise<void> {
  const isComplete = ({ alerts }: Roamer) => alerts.at(-1) === last;
  await eventually(() => roamers.every(isComplete), { withinMs: ARRIVES_WITHIN_MS }).catch(() => undefined);
  expectAll(
    roamers,
    ({ alerts }) => alerts.length === last - first + 1 && alerts.every((n, index) => n === first + index),
    `every client gets the alerts ${first} to ${last}, each once and in order`,
    ({ alerts }) => describeDisorder(alerts, first, last),
  );
}

/** @throws unless the newest quote reached everybody who wants quotes, and each push was newer than the one before */
export async function expectNewestQuote(roamers: readonly Roamer[], last: number): Promise<void> {
  const readers = roamers.filter(({ quotes }) => quotes.length > 0);
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

/** @throws when somebody was seated over the cap, or instead of somebody who has a right to it */
export function expectNobodyLetIn(knocks: readonly Knock[], mostSeats: number, cap: number): void {
  const isOut = ({ outcome }: Knock) => outcome !== 'seated';
  expectAll(knocks, isOut, 'a full cluster gives a newcomer no seat', ({ answer }) => answer);
  expectCapKept(mostSeats, cap);
}

export function expectCapKept(mostSeats: number, cap: number): void {
  expectThat(mostSeats <= cap, `at most ${cap} seats are ever taken`, `${mostSeats} were`);
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

function describeDisorder(alerts: readonly number[], first: number, last: number): string {
  const at = alerts.findIndex((n, index) => n !== first + index);
  if (at === -1) return `${alerts.length} of ${last - first + 1}, to ${alerts.at(-1)}`;
  return `…${alerts.slice(Math.max(0, at - 2), at + 3).join(', ')}…`;
}
