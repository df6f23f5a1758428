import type { Report } from './driver.ts';
import { type Partly, fits } from './scenario.ts';
import type { World } from './world.ts';

/** Everything in which the end of a scenario differs from what it must be, a line each. */
export function judge(world: World): string[] {
  const { end } = world.scenario;
  const { reports } = world.driver;
  const all = (kind: string) => reports.filter(({ report }) => report === kind);
  const states = all('state');
  const final = (states.at(-1)?.['error'] ?? null) as Partly | null;
  const gaps = all('gap').map(({ gap }) => gap);
  const ended = all('ended').map(({ name, error }) => [name, (error as Partly | null)?.['code'] ?? null]);

  /** What, as it was found, and as it must be; undefined where that is not said. */
  const compared: [string, unknown, unknown][] = [
    ['the state', states.at(-1)?.['state'] ?? 'closed', end.state],
    ['the final error', final, end.final ?? null],
    ['the notices', all('notice').map(({ notice }) => notice), end.notices],
    ['the ends of subscriptions', ended.toSorted(), Object.entries(end.ended ?? {}).toSorted()],
    ['the connections to the door', world.door.attempts.length, end.attempts],
    ['the calls of the token function', all('token_asked').length, end.tokens_asked],
    ['the seats', new Set(world.seats).size, end.same_seat && 1],
    ...Object.entries(end.events ?? {}).map(([name, wanted]): [string, unknown, unknown] => [
      `what ${name} got`,
      framesOf(reports, name),
      wanted,
    ]),
  ];
  return [
    ...world.accounts().flatMap(({ what, problems }) => problems.map((problem) => `${what}: ${problem}`)),
    ...brokenChain(reports),
    ...wrongStates(states, end.states),
    ...compared
      .filter(([, found, wanted]) => wanted !== undefined && !fits(found, wanted))
      .map(([what, found, wanted]) => `${what}: ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`),
    ...(fitInAnyOrder(gaps, end.gaps ?? []) ? [] : [`the gaps: ${JSON.stringify(gaps)}`]),
    ...wrongErrors(world, final),
    ...toldSecrets(world),
    ...all('no JSON').map(({ line }) => `the driver said ${String(line)}`),
    ...all('broken').map(({ message }) => `the driver broke: ${String(message)}`),
  ];
}

/** Each change of state goes on from the one before. */
function brokenChain(reports: readonly Report[]): string[] {
  const problems: string[] = [];
  let state = 'closed';
  for (const each of reports) {
    if (each.report === 'restarted') state = 'closed';
    if (each.report !== 'state') continue;
    if (each['previous'] !== state) problems.push(`the state was ${state}, and then ${JSON.stringify(each)}`);
    if (each['state'] === state) problems.push(`the state ${state} was told twice`);
    state = String(each['state']);
  }
  return problems;
}

/** A busy machine lets a connection seem stale for a moment: such moments may stand in any state. */
function wrongStates(reports: readonly Report[], wanted: readonly string[] | undefined): string[] {
  if (!wanted) return [];
  const states = reports.map(({ state }) => state).join(' ');
  const pattern = wanted.map((state) => `${state}( stale ${state})*( stale)?`).join(' ');
  return new RegExp(`^${pattern}$`).test(states) ? [] : [`the states: ${states} instead of ${wanted.join(' ')}`];
}

function wrongErrors(world: World, final: Partly | null): string[] {
  const { errors = [], may = [] } = world.scenario.end;
  const told = new Set(world.driver.reports.flatMap(({ report, code }) => (report === 'error' ? [String(code)] : [])));
  const allowed = new Set([...errors, ...may, ...(final ? [String(final['code'])] : [])]);
  return [
    ...errors.filter((code) => !told.has(code)).map((code) => `no error ${code} was told`),
    ...[...told].filter((code) => !allowed.has(code)).map((code) => `the error ${code} was told`),
  ];
}

/** Those of different streams come as they will; within a stream the account knows where each belongs. */
function fitInAnyOrder(found: readonly unknown[], wanted: readonly Partly[]): boolean {
  const left = [...found];
  for (const each of wanted) {
    const index = left.findIndex((one) => fits(one, each));
    if (index === -1) return false;
    left.splice(index, 1);
  }
  return left.length === 0;
}

function framesOf(reports: readonly Report[], name: string): unknown[] {
  return reports.flatMap((each) => (each.report === 'event' && each['name'] === name ? [each['frame']] : []));
}

/** Seats and tokens are for nobody's eyes: they are in no report. */
function toldSecrets({ driver, seats, tokens }: World): string[] {
  const told = JSON.stringify([driver.reports, driver.complaints]);
  return [...seats, ...tokens].some((secret) => told.includes(secret)) ? ['a seat or a token was told'] : [];
}
