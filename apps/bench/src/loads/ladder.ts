import { requireAll, runFanOut } from '../rig/fan-out.ts';
import { figureOf, groupedBy, ratioOf } from '../statistics.ts';
import type { Figure, LadderPoint, Rung, ServerKind } from '../types.ts';
import { rateOf } from './fan-out-of.ts';
import type { Extent } from './load.ts';
import { steadyAudience } from './steady.ts';

/** Events a second and symbol. */
const RUNGS = [10, 20, 30, 60, 100, 150, 200, 250, 300, 350] as const;
const SHORT_RUNGS = [10, 20] as const;
const RAISED_CAP = { TICKCAST_MARKET_DATA_MAX_RATE: '1000' };
const WORST_P99_MS = 100;
/** A second of backlog: the rungs above would only be worse. */
const HOPELESS_P99_MS = 1000;
const NOTHING_LOST = 0.001;
/** Climb as often as there are repeats, in turn. */
const COMPARED = ['tickcast', 'floor'] as const satisfies readonly ServerKind[];
/** Climb once, to show where they stand. */
const BESIDE = ['ws', 'socket-io'] as const satisfies readonly ServerKind[];

/** The steady load's clients at rate after rate, until each server is far behind; all rungs of all climbs. */
export async function climbLadder(extent: Extent): Promise<Rung[]> {
  const rungs: Rung[] = [];
  for (let climb = 1; climb <= extent.repeats; climb += 1) {
    for (const server of COMPARED) rungs.push(...(await climbUp(extent, server, climb)));
  }
  for (const server of BESIDE) rungs.push(...(await climbUp(extent, server, 1)));
  return rungs;
}

async function climbUp(extent: Extent, server: ServerKind, climb: number): Promise<Rung[]> {
  const rungs: Rung[] = [];
  for (const rate of extent.short ? SHORT_RUNGS : RUNGS) {
    const rung = await runRung(extent, server, climb, rate);
    rungs.push(rung);
    extent.say(inWords(rung));
    if (!(rung.p99Ms < HOPELESS_P99_MS)) break;
  }
  return rungs;
}

async function runRung(extent: Extent, server: ServerKind, climb: number, rate: number): Promise<Rung> {
  const audience = steadyAudience(extent);
  const { run, tally } = await runFanOut({
    server,
    audience,
    perSecond: rateOf(audience, rate),
    env: RAISED_CAP,
    repeat: climb,
    warmUpSeconds: extent.warmUpSeconds,
    seconds: Math.ceil(extent.seconds / 2),
  });
  if (extent.short) requireAll(server, tally);
  return {
    server,
    climb,
    rate,
    deliveriesPerSecond: run.figures['deliveries'] ?? 0,
    p50Ms: run.figures['p50'] ?? Number.NaN,
    p99Ms: run.figures['p99'] ?? Number.NaN,
    missing: tally.ended > 0 ? 1 : tally.unaccounted / tally.watched,
    serverCpuPercent: run.serverCpuPercent,
    latestPublishMs: run.latestPublishMs ?? 0,
    othersSaturated: run.othersSaturated,
  };
}

/** A point a server and rate: the medians of the climbs that came so far. */
export function pointsOf(rungs: readonly Rung[]): LadderPoint[] {
  return groupedBy(rungs, ({ server, rate }) => `${server} ${rate}`).map((climbs) => {
    const median = (value: (rung: Rung) => number) => figureOf(climbs.map(value), '').median;
    const [{ server, rate }] = climbs as [Rung];
    return {
      server,
      rate,
      deliveriesPerSecond: median((rung) => rung.deliveriesPerSecond),
      p50Ms: median((rung) => rung.p50Ms),
      p99Ms: median((rung) => rung.p99Ms),
      missing: median((rung) => rung.missing),
      serverCpuPercent: median((rung) => rung.serverCpuPercent),
      climbs,
    };
  });
}

/** Deliveries a second on the highest rung of each climb that was in time, with nothing lost; 0 where there was none. */
export function highestLoads(rungs: readonly Rung[], server: ServerKind): number[] {
  const own = rungs.filter((rung) => rung.server === server);
  return groupedBy(own, ({ climb }) => climb).map((climb) =>
    climb
      .filter(({ p99Ms, missing }) => p99Ms <= WORST_P99_MS && missing <= NOTHING_LOST)
      .reduce((most, { deliveriesPerSecond }) => Math.max(most, deliveriesPerSecond), 0),
  );
}

/** The highest load of each server, by its name. */
export function highestFigures(rungs: readonly Rung[]): Record<string, Figure> {
  return Object.fromEntries(
    [...COMPARED, ...BESIDE].map((server) => [server, figureOf(highestLoads(rungs, server), '/s')]),
  );
}

/** Ours to the floor's, climb by climb. */
export function highestRatio(rungs: readonly Rung[]): Figure {
  return ratioOf(highestLoads(rungs, 'tickcast'), highestLoads(rungs, 'floor'));
}

function inWords(rung: Rung): string {
  const { server, climb, rate, deliveriesPerSecond, p50Ms, p99Ms, missing, serverCpuPercent } = rung;
  const parts = [
    `${Math.round(deliveriesPerSecond)} deliveries/s`,
    `p50 ${p50Ms.toFixed(1)} ms`,
    `p99 ${p99Ms.toFixed(1)} ms`,
    `${(missing * 100).toFixed(2)} % missing`,
    `server ${serverCpuPercent.toFixed(0)} %`,
    `publisher late by ${rung.latestPublishMs.toFixed(1)} ms at most`,
    ...(rung.othersSaturated ? ['the others had no time left'] : []),
  ];
  return `ladder ${climb} ${server} ${rate}/s: ${parts.join(', ')}`;
}
