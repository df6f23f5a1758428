/** Redis is out of reach, too slow, or refused what the backplane needs. Waiting and trying again may help. */
export class BackplaneUnavailableError extends Error {
  override readonly name = 'BackplaneUnavailableError';
  readonly code = 'backplane_unavailable';
}

/** The library `tickcast` is not in Redis, and could not be put there. The message says what to do. */
export class FunctionUnavailableError extends Error {
  override readonly name = 'FunctionUnavailableError';
  readonly code = 'function_unavailable';
}

/** Redis did not take an event; nothing was changed. The message says what is wrong with it. */
export class PublishRefusedError extends Error {
  override readonly name = 'PublishRefusedError';
  readonly code = 'publish_refused';
}

/** Somebody else holds the lease, or nobody: nothing was published, and whoever is told so must stop leading. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
  readonly code = 'lease_lost';
}

const REFUSAL = 'ERR tickcast: ';
const LEASE_LOST = 'LEASELOST tickcast: ';

/** What a failed command means to a caller who knows nothing of Redis; `cause` is the original. */
export function explainFailure(cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (message.startsWith(REFUSAL)) return new PublishRefusedError(message.slice(REFUSAL.length), { cause });
  if (message.startsWith(LEASE_LOST)) return new LeaseLostError(message.slice(LEASE_LOST.length), { cause });
  if (isFunctionMissing(cause)) {
    return new FunctionUnavailableError(
      'the Redis Function library "tickcast" is not installed: start an edge that may install it, or run `npx tickcast doctor --install`',
      { cause },
    );
  }
  return new BackplaneUnavailableError(`Redis did not answer as it should: ${message}`, { cause });
}

/** Whether a command failed because the library, or one of its functions, is not in Redis. */
export function isFunctionMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('ERR Function not found');
}
