import type { Commands } from './connections.ts';
import { BackplaneUnavailableError, explainFailure, FunctionUnavailableError, isFunctionMissing } from './errors.ts';
import { FUNCTION_VERSION, functionLibrary } from './function-library.ts';

export interface InstalledFunction {
  /** Whether this call put it there. */
  readonly installed: boolean;
  /** What Redis has now: this package's version, or a newer one. */
  readonly version: number;
}

/** Touched by every installation. Libraries belong to the whole server, whatever the prefix of a cluster's names. */
const MARKER = 'tickcast:{function}';
const ATTEMPTS = 5;

/**
 * Puts the library `tickcast` into Redis where there is none, or an older one; a newer one stays. Call it whenever the
 * connection was lost: a Redis that comes back empty has lost its Functions too.
 *
 * @throws FunctionUnavailableError when this Redis or this user can't do it: the message says what to do;
 * BackplaneUnavailableError when Redis is away
 */
export async function ensureFunction(redis: Commands): Promise<InstalledFunction> {
  // A connection of its own: WATCH belongs to a connection, and others may use this one.
  const version = await installedVersion(redis);
  if (version >= FUNCTION_VERSION) return { installed: false, version };
  const installer = redis.duplicate({ lazyConnect: true, retryStrategy: null });
  installer.on('error', () => undefined);
  try {
    await installer.connect();
    return await install(installer);
  } catch (error) {
    throw explainInstallFailure(error);
  } finally {
    installer.disconnect();
  }
}

/**
 * Two nodes of different versions may be here at once. The marker is watched from before the version is read, so the
 * transaction fails, and the version is read again, when somebody else installed in between.
 */
async function install(redis: Commands): Promise<InstalledFunction> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await redis.watch(MARKER);
    const version = await installedVersion(redis);
    if (version >= FUNCTION_VERSION) return { installed: false, version };
    const replies = await redis
      .multi()
      .set(MARKER, FUNCTION_VERSION, 'EX', 60)
      .call('FUNCTION', 'LOAD', 'REPLACE', functionLibrary())
      .exec();
    const failure = replies?.find(([error]) => error)?.[0];
    if (failure) throw failure;
    if (replies) return { installed: true, version: FUNCTION_VERSION };
  }
  throw new BackplaneUnavailableError('others keep installing the Redis Function; try again');
}

/** 0 when there is none. */
async function installedVersion(redis: Commands): Promise<number> {
  try {
    return Number(await redis.fcall_ro('tickcast_version', 0));
  } catch (error) {
    if (isFunctionMissing(error)) return 0;
    throw explainInstallFailure(error);
  }
}

function explainInstallFailure(failure: unknown): Error {
  const cause = firstRefusal(failure);
  const message = cause instanceof Error ? cause.message : String(cause);
  if (/NOPERM/.test(message)) {
    return new FunctionUnavailableError(
      `the Redis Function library "tickcast" version ${FUNCTION_VERSION} is needed, and this Redis user may not install it: ` +
        `run \`npx tickcast doctor --install\` as a user with +function|load, +watch, +multi, +exec, +set, +fcall_ro (${message})`,
      { cause },
    );
  }
  if (/unknown command/i.test(message)) {
    return new FunctionUnavailableError(
      `Redis 7.0 or newer, or Valkey, is needed: this one has no Functions (${message})`,
      {
        cause,
      },
    );
  }
  if (cause instanceof BackplaneUnavailableError || cause instanceof FunctionUnavailableError) return cause;
  return explainFailure(cause);
}

/** A command refused inside MULTI makes EXEC fail without a word of why; ioredis keeps what was said before. */
function firstRefusal(failure: unknown): unknown {
  const earlier: unknown = failure instanceof Error && 'previousErrors' in failure ? failure.previousErrors : undefined;
  return Array.isArray(earlier) && earlier.length > 0 ? earlier[0] : failure;
}
