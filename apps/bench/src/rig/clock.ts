/**
 * CLOCK_MONOTONIC: the same in all processes of a machine, and to the ns, which Date.now() is not.
 * @returns seconds since some moment of the machine's own
 */
export function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

/** What to add to `monotonicSeconds` for Unix time, fixed for a run so that its timestamps can't jump. */
export function unixOffset(): number {
  return Math.round(Date.now() / 1000 - monotonicSeconds());
}
