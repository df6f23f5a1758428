import type { ManagedProcess } from '../processes.ts';
import { startControlPlane } from './control-plane.ts';
import { kubectlOf, type Kubectl } from './kubectl.ts';
import { layoutIn, type Layout } from './layout.ts';
import { startMachine, type Machine } from './machine.ts';
import { startNode } from './node.ts';

/** A Kubernetes of this process's own: first its API alone, then, when asked for, one node that runs pods. */
export interface Cluster {
  readonly kubectl: Kubectl;
  readonly layout: Layout;
  readonly machine: Machine;
  /** Adds the node. */
  join(): Promise<void>;
  /** The components that have ended, which none should. */
  broken(): string[];
  /** Ends all of it and leaves nothing behind. */
  stop(): Promise<void>;
}

/**
 * Starts a control plane. Needs Linux and root.
 *
 * @param root the folder for all it writes; it is removed at the end
 * @param programs the folder with the programs of Kubernetes
 */
export async function startCluster(root: string, programs: string): Promise<Cluster> {
  const layout = layoutIn(root, programs);
  const machine = await startMachine(layout);
  const components: ManagedProcess[] = [];
  const kubectl = kubectlOf(layout);
  try {
    components.push(...(await startControlPlane(machine, layout)));
  } catch (error) {
    await machine.stop();
    throw error;
  }
  return {
    kubectl,
    layout,
    machine,
    join: async () => void components.push(...(await startNode(machine, layout, kubectl))),
    broken: () => components.filter(({ running }) => !running).map(({ pid }) => `process ${pid}`),
    stop: () => machine.stop(),
  };
}
