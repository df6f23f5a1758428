export type Timer = ReturnType<typeof setTimeout>;

/** As `setTimeout`, which takes a time that is too long for it for none at all. */
export function after(ms: number, action: () => void): Timer {
  return setTimeout(action, Math.min(ms, 2 ** 31 - 1));
}
