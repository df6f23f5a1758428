/** `promise`, or a rejection with `makeError()` when it has not settled within `ms`. What it stands for goes on. */
export async function withDeadline<T>(
  promise: Promise<T>,
  ms: number,
  makeError: () => Error = () => new Error(`no answer within ${ms} ms`),
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(makeError()), ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
