import { type Commands, ensureFunction, FUNCTION_VERSION } from '@tickcast/backplane';
import { parseCommand } from './arguments.ts';
import type { Settings } from './config.ts';
import { CommandError, UsageError } from './failures.ts';
import { withRedis } from './redis.ts';

/** `tickcast doctor`: a line for each thing that must be right, with what to do where it is not. */
export async function doctorCommand(args: string[], settings: Settings): Promise<void> {
  const { values, positionals } = parseCommand(args, { install: { type: 'boolean', default: false } });
  if (positionals.length > 0) throw new UsageError(`doctor takes no argument "${positionals[0]}"`);
  await withRedis(settings.redisUrl, async (redis) => {
    await check('Redis', 'install Redis 7.0 or newer, or Valkey 7.2 or newer', () => serverVersion(redis));
    if (values.install) {
      await check('installation', 'do as it says, then run this again', async () => {
        const { installed, version } = await ensureFunction(redis);
        return `version ${version} of the Function ${installed ? 'is now there' : 'was there already'}`;
      });
    }
    await check('Function', 'run `tickcast doctor --install`, or start an edge, which installs it', () =>
      functionVersion(redis),
    );
  });
}

async function check(what: string, advice: string, look: () => Promise<string>): Promise<void> {
  try {
    console.log(`ok      ${what}: ${await look()}`);
  } catch (error) {
    console.log(`FAILED  ${what}: ${(error as Error).message}`);
    throw new CommandError(`${what}: ${advice}`, { cause: error });
  }
}

async function serverVersion(redis: Commands): Promise<string> {
  const info = await redis.info('server');
  const field = (name: string): string | undefined => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim();
  const valkey = field('valkey_version');
  const version = valkey ?? field('redis_version') ?? 'unknown';
  // Functions came with Redis 7.0.
  if (Number.parseInt(version, 10) < 7) throw new Error(`version ${version}: 7.0 or newer is needed`);
  return `${valkey === undefined ? 'Redis' : 'Valkey'} ${version}`;
}

async function functionVersion(redis: Commands): Promise<string> {
  const version = Number(await redis.fcall_ro('tickcast_version', 0));
  if (version < FUNCTION_VERSION)
    throw new Error(`version ${version} is older than this command's ${FUNCTION_VERSION}`);
  return `version ${version}`;
}
