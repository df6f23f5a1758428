import { type Chaos, startChaos } from '@tickcast/testing';

/** A cluster for one test file, for as many clients as a shared machine bears. */
export function startSmallChaos(seed: number, log: (line: string) => void = () => undefined): Promise<Chaos> {
  return startChaos({ seed, clients: 60, log });
}

type Found = Awaited<ReturnType<Chaos['settle']>>;

/** Violations in the few words that a failing test should show, each with the client's last frames. */
export function told(violations: Found): string[] {
  return violations.map(({ kind, where, stream, detail, frames }) =>
    [`${kind}: ${where} ${stream ?? ''}: ${detail}`, ...frames.slice(-12)].join('\n  '),
  );
}
