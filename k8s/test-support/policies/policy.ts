import type { Mistake } from '../mistakes.ts';
import type { Overlay } from '../objects.ts';

/** A rule for what an overlay renders to. */
export interface Policy {
  /** A sentence. */
  name: string;
  why: string;
  /** What breaks it, one entry each; none when the overlay keeps to it or has nothing that it is about. */
  check: (overlay: Overlay) => string[];
  /** Each of these alone must be found. */
  mistakes: readonly Mistake[];
}

/** Paths of fields in workloads, for mistakes. */
export const POD = 'spec.template.spec';
export const CONTAINER = `${POD}.containers.0`;

/** The titles of those that don't pass, with what each is told. */
export function told<T>(items: readonly T[], problemOf: (item: T) => string | undefined | false): string[] {
  return items.map(problemOf).filter((problem) => typeof problem === 'string');
}

/** A quantity of Kubernetes as a number: `250m` is 0.25, `1Gi` is 1073741824. */
export function quantity(value: string | number | undefined): number {
  const [, number = '', suffix = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(String(value ?? 0)) ?? [];
  const factor = FACTORS[suffix];
  if (number === '' || factor === undefined) throw new Error(`"${String(value)}" is no quantity`);
  return Number(number) * factor;
}

const FACTORS: Record<string, number> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};
