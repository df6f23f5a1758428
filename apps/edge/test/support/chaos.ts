import { type Chaos, startChaos } from '@tickcast/testing';

/** A cluster for one test file, for as many clients as a shared machine bears. */
export function startSmallChaos(seed: number, log: (line: string) => void = () => undefined): Promise<Chaos> {
  return startChaos({ seed, clients: 60, log });
}

/** Several clusters, so that the waits of one are those of the others. */
export interface ChaosClusters {
  /** The faults asked for are dealt out to the clusters in turn; each suffers its own one after the other. Answers as `told`. */
  suffer(fault: string): Promise<string[]>;
  settle(): Promise<string[]>;
  end(): Promise<void>;
}

export async function startChaosClusters(seeds: readonly number[]): Promise<ChaosClusters> {
  const clusters = await Promise.all(seeds.map((seed) => startSmallChaos(seed)));
  const lanes = clusters.map((chaos) => ({ chaos, last: Promise.resolve<unknown>(undefined) }));
  let asked = 0;
  return {
    async suffer(fault) {
      const lane = lanes[asked++ % lanes.length];
      if (lane === undefined) throw new Error('there are no clusters');
      const found = lane.last.then(() => lane.chaos.suffer(fault));
      lane.last = found.catch(() => undefined);
      return told(await found);
    },
    settle: async () => told((await Promise.all(clusters.map((chaos) => chaos.settle()))).flat()),
    end: async () => void (await Promise.all(clusters.map((chaos) => chaos.end()))),
  };
}

type Found = Awaited<ReturnType<Chaos['settle']>>;

/** Violations in the few words that a failing test should show, each with the client's last frames. */
export function told(violations: Found): string[] {
  return violations.map(({ kind, where, stream, detail, frames }) =>
    [`${kind}: ${where} ${stream ?? ''}: ${detail}`, ...frames.slice(-12)].join('\n  '),
  );
}
