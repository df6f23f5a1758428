import { join } from 'node:path';

/**
 * Addresses of the cluster. They exist in the node's own network namespace alone, but for the cable between it and this
 * machine, which is in the range that RFC 2544 keeps for such tests.
 */
export const NETWORK = {
  hostAddress: '198.18.77.1',
  nodeAddress: '198.18.77.2',
  cablePrefix: 30,
  /** As it is named on this machine; a name of at most 15 characters. */
  cable: 'tickcast-k8s',
  services: '10.96.0.0/16',
  apiService: '10.96.0.1',
  dnsService: '10.96.0.10',
  pods: '10.244.0.0/24',
  nodePorts: '30000-32767',
} as const;

export const NODE_NAME = 'node-1';

/** The cgroup that all containers of the node are under, in each hierarchy. */
export const CGROUP = 'tickcast-kubernetes';

/** Where a cluster keeps its files. */
export interface Layout {
  /** Programs of Kubernetes and those built for it. */
  programs: string;
  /** All that belongs to this run. */
  root: string;
  certificates: string;
  /** What the components write to their standard error, a file each. */
  logs: string;
  state: string;
  config: string;
  /** Of the administrator, as this machine reaches the API. */
  kubeconfig: string;
  containerdSocket: string;
}

/** The layout of a run in the folder `root`, with programs from the folder `programs`. */
export function layoutIn(root: string, programs: string): Layout {
  return {
    programs,
    root,
    certificates: join(root, 'pki'),
    logs: join(root, 'log'),
    state: join(root, 'state'),
    config: join(root, 'config'),
    kubeconfig: join(root, 'pki', 'admin.kubeconfig'),
    // Short: the path of a socket may have 107 characters.
    containerdSocket: '/run/tickcast/containerd.sock',
  };
}
