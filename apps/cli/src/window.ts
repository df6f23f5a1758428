/** Bounds how much is under way at a time. What is added was begun already, in its order. */
export interface Window {
  /** Resolves when there is room for more. @throws the first failure of what was added so far */
  add(work: Promise<unknown>): Promise<void>;
  /** Resolves when nothing is under way any more. @throws as `add` */
  settle(): Promise<void>;
}

export function createWindow(size: number): Window {
  const underWay = new Set<Promise<void>>();
  let failure: { cause: unknown } | null = null;
  const check = (): void => {
    if (failure !== null) throw failure.cause;
  };
  return {
    async add(work) {
      const settled = work.then(
        () => undefined,
        (cause: unknown) => void (failure ??= { cause }),
      );
      const leave = settled.then(() => void underWay.delete(leave));
      underWay.add(leave);
      if (underWay.size >= size) await Promise.race(underWay);
      check();
    },
    async settle() {
      await Promise.all(underWay);
      check();
    },
  };
}
