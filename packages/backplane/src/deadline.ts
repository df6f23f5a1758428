/**
 * `promise`, or a rejection with `makeError()` when it has not settled within `ms`. What it stands for goes on. In a process that
 * was busy what has come meanwhile is read first.
 */
export async function withDeadline<T>(
  promise: Promise<T>,
  ms: number,
  makeError: () => Error = () => new Error(`no answer within ${ms} ms`),
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    // Timers come before sockets in a turn of the loop, immediates after them.
    timer = setTimeout(() => setImmediate(() => reject(makeError())), ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
