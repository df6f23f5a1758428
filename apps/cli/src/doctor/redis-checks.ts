import { type Commands, countSeats, createNames, ensureFunction, FUNCTION_VERSION } from '@tickcast/backplane';
import { Finding, type Report } from './report.ts';

/** The part of it above which a Redis with a limit is nearly full. */
const NEARLY_FULL = 0.9;

/** What INFO says, by field. */
type Info = ReadonlyMap<string, string>;

/** Redis itself: its version. @returns what INFO says; null when it can't be used */
export async function checkServer(report: Report, redis: Commands): Promise<Info | null> {
  let info: Info = new Map();
  const isGood = await report.check('Redis', 'install Redis 7.0 or newer, or Valkey 7.2 or newer', async () => {
    info = parseInfo(await redis.info());
    return serverVersion(info);
  });
  return isGood ? info : null;
}

/** @returns whether the Function is there, as far as that can be seen */
export async function checkFunction(report: Report, redis: Commands): Promise<boolean> {
  const advice = 'run `tickcast doctor --install`, or start an edge, which installs it';
  return await report.check('Function', advice, async () => {
    const version = Number(await redis.fcall_ro('tickcast_version', 0));
    if (version >= FUNCTION_VERSION) return `version ${version}`;
    throw new Error(`version ${version} is older than this command's ${FUNCTION_VERSION}`);
  });
}

export async function installFunction(report: Report, redis: Commands): Promise<void> {
  await report.check('installation', 'do as it says, then run this again', async () => {
    const { installed, version } = await ensureFunction(redis);
    return `version ${version} of the Function ${installed ? 'is now there' : 'was there already'}`;
  });
}

/** What becomes of data when Redis is full, and when it ends. */
export async function checkKeeping(report: Report, info: Info): Promise<void> {
  await report.check('eviction', '', () => {
    const limit = Number(info.get('maxmemory') ?? 0);
    const policy = info.get('maxmemory_policy') ?? 'noeviction';
    if (limit === 0) return 'nothing is evicted: no maxmemory is set';
    if (policy !== 'noeviction') {
      throw new Finding(
        'failed',
        `maxmemory-policy is ${policy}: a full Redis throws seats, last values and alerts away`,
        'run `redis-cli CONFIG SET maxmemory-policy noeviction`, and set it in the configuration too',
      );
    }
    const used = Number(info.get('used_memory') ?? 0) / limit;
    const state = `${Math.round(used * 100)} % of maxmemory are used`;
    if (used < NEARLY_FULL) return `nothing is evicted (noeviction); ${state}`;
    throw new Finding('warning', `${state}: a full Redis refuses what is published`, 'raise maxmemory');
  });
  await report.check('persistence', '', () => {
    const bad = ['aof_last_write_status', 'rdb_last_bgsave_status'].find((name) => (info.get(name) ?? 'ok') !== 'ok');
    if (bad !== undefined) {
      throw new Finding(
        'failed',
        `Redis can't write to its disk (${bad})`,
        'make room on its disk, and look at its log',
      );
    }
    if (info.get('aof_enabled') === '1') return 'append-only file';
    return 'no append-only file: when Redis ends, alerts since its last snapshot are gone; `appendonly yes` keeps them';
  });
}

/** Seats taken or reserved now; null when that can't be read. */
export async function seatsInUse(redis: Commands, prefix: string): Promise<number | null> {
  return await countSeats({ redis, names: createNames(prefix) }).catch(() => null);
}

/** How many seconds Redis's clock is ahead of this machine's; null when it does not tell its time. */
export async function redisClockAhead(redis: Commands): Promise<number | null> {
  const before = Date.now();
  const [seconds, micros] = await redis.time().catch(() => []);
  if (seconds === undefined) return null;
  return Number(seconds) + Number(micros) / 1e6 - (before + Date.now()) / 2000;
}

function parseInfo(text: string): Info {
  return new Map([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]));
}

function serverVersion(info: Info): string {
  const valkey = info.get('valkey_version');
  const version = valkey ?? info.get('redis_version') ?? 'unknown';
  // Functions came with Redis 7.0.
  if (Number.parseInt(version, 10) < 7) throw new Error(`version ${version}: 7.0 or newer is needed`);
  return `${valkey === undefined ? 'Redis' : 'Valkey'} ${version}`;
}
