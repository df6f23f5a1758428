/**
 * Turns the first Ctrl-C or SIGTERM into a signal, until it is released. A second one ends the process as usual, where
 * something hangs.
 */
export function onInterrupt(): { signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const interrupt = (): void => {
    release();
    controller.abort();
  };
  const release = (): void => void process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  return { signal: controller.signal, release };
}
