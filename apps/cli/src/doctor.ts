import type { Commands } from '@tickcast/backplane';
import { noArguments, parseCommand } from './arguments.ts';
import { edgeUrl, type Settings } from './config.ts';
import { checkClocks } from './doctor/clocks.ts';
import { checkEdge, type EdgePlace } from './doctor/edge-checks.ts';
import {
  checkFunction,
  checkKeeping,
  checkServer,
  installFunction,
  redisClockAhead,
  seatsInUse,
} from './doctor/redis-checks.ts';
import { createReport, Finding, type Report } from './doctor/report.ts';
import { roundTrip } from './doctor/round-trip.ts';
import type { CommandError } from './failures.ts';
import { connectRedis } from './redis.ts';
import { signToken } from './token.ts';

const TOKEN_SECONDS = 300;
const NEARLY_FULL = 0.95;

/** `tickcast doctor`: a line for each thing that must be right, with what to do where it is not. */
export async function doctorCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand('doctor', args);
  noArguments('doctor', positionals);
  const report = createReport(values);
  let absence = '';
  const redis = await connectRedis(settings.redisUrl).catch(({ message }: CommandError) => {
    absence = message;
    return null;
  });
  try {
    if (redis === null && (values.install || settings.isRedisNamed)) {
      report.add({ name: 'Redis', outcome: 'failed', detail: absence });
    }
    if (values.install) {
      if (redis !== null) await install(report, redis);
    } else {
      const isRequired = settings.isUrlNamed || values.url !== undefined || redis === null;
      const token = await tokenFor(values.token, settings);
      const place = { url: edgeUrl(settings, values), token, isRequired };
      const hasEdge = await examine(report, redis, settings, place);
      if (redis === null && !settings.isRedisNamed) {
        // A client's machine has no Redis; but one of the two there must be.
        report.add({ name: 'Redis', outcome: hasEdge ? 'skipped' : 'failed', detail: absence });
      }
    }
  } finally {
    redis?.disconnect();
  }
  report.end();
}

async function install(report: Report, redis: Commands): Promise<void> {
  if ((await checkServer(report, redis)) === null) return;
  await installFunction(report, redis);
  await checkFunction(report, redis);
}

/** @returns whether there is an edge that gives a seat */
async function examine(report: Report, redis: Commands | null, settings: Settings, place: EdgePlace): Promise<boolean> {
  const info = redis === null ? null : await checkServer(report, redis);
  const hasFunction = redis !== null && info !== null && (await checkFunction(report, redis));
  if (info !== null) await checkKeeping(report, info);
  const edge = await checkEdge(report, place);
  try {
    await checkClocks(report, redis === null ? null : await redisClockAhead(redis), edge?.clockAhead ?? null);
    const inUse = redis === null ? null : await seatsInUse(redis, settings.redisPrefix);
    await report.check('seats', '', () => seats(inUse, edge?.connections ?? null));
    await report.check('round trip', 'do what the checks above say first', () => {
      if (redis === null || !hasFunction || edge === null) {
        throw new Finding('skipped', 'it takes Redis with the Function, and an edge');
      }
      return roundTrip(redis, settings.redisPrefix, edge.link);
    });
    return edge !== null;
  } finally {
    edge?.link.close();
  }
}

/** @param inUse @param limit null where not known */
function seats(inUse: number | null, limit: number | null): string {
  if (inUse === null && limit === null) throw new Finding('skipped', 'it takes Redis, and an edge for the cap');
  if (inUse === null) return `the cap is ${limit}; how many are in use is known to Redis`;
  if (limit === null) return `${inUse} in use; the cap is known to the edges`;
  const state = `${inUse} of ${limit} in use`;
  if (inUse < limit * NEARLY_FULL) return state;
  throw new Finding('warning', state, 'raise TICKCAST_MAX_CONNECTIONS of all edges before clients are refused');
}

async function tokenFor(given: string | undefined, { token, authSecret }: Settings): Promise<string | null> {
  if (given !== undefined || token !== undefined) return given ?? token ?? null;
  return authSecret === undefined ? null : signToken({ sub: 'tickcast-doctor', ttlSeconds: TOKEN_SECONDS }, authSecret);
}
