import { eventually } from '../eventually.ts';
import { startProcess } from '../processes.ts';
import { describeNode, type Departure, type Fleet } from '../rollout/fleet.ts';
import { mintToken } from '../tokens.ts';
import type { Cluster } from './cluster.ts';
import type { Resource } from './kubectl.ts';
import { NETWORK } from './layout.ts';
import { EDGES, NAMESPACE, readConnz } from './product.ts';

const NODE_PORT = 30_801;
const READY_WITHIN_MS = 60_000;
/** The pod's grace period of 60 s, and what the node needs to tell of its end. */
const GONE_WITHIN_MS = 90_000;
/** Keeps the object of a pod that has ended, or its exit code would be gone with it. */
const FINALIZER = 'tickcast.dev/exit-code';

/** Pods of the Deployment `edge` behind a Service. */
export interface PodFleet extends Fleet {
  /** The names of pods with a container that runs. */
  running(): Promise<string[]>;
  /**
   * Resolves once the pod has ended, which another has to see to. Takes the time from the order to go, 5 s before the signal,
   * and to the second, by the node's clock.
   */
  departure(name: string): Promise<Departure>;
}

export interface PodFleetOptions {
  /** Of tokens. */
  secret: string;
  /** `redis://USER:PASSWORD@`, of a user who may do what a worker may. */
  redisUser: string;
}

/**
 * The edges of the overlay `local`, which has been applied. Their Service gets a port of the node, and Redis one of this
 * machine. Other than the interface says, a killed edge is started again in its pod: Kubernetes has no other way.
 */
export async function openPodFleet(cluster: Cluster, options: PodFleetOptions): Promise<PodFleet> {
  const { kubectl, machine, layout } = cluster;
  const inNamespace = (...args: string[]): Promise<string> => kubectl.run(['-n', NAMESPACE, ...args]);
  await kubectl.change(['apply', '-f', '-'], { input: JSON.stringify(doorService()) });
  const forward = ['-n', NAMESPACE, 'port-forward', 'statefulset/valkey', ':6379'];
  const redis = await startProcess(`${layout.programs}/kubectl`, forward, { env: kubectl.environment });
  const [, redisPort = ''] = /127\.0\.0\.1:(\d+)/.exec(await redis.waitForLine(/^Forwarding from 127/)) ?? [];

  const pods = (): Promise<Resource[]> => kubectl.list(['-n', NAMESPACE, 'pods', '-l', EDGES]);
  const running = async (): Promise<string[]> => (await pods()).filter(isRunning).map(({ metadata }) => metadata.name);
  let resizing: Promise<unknown> = Promise.resolve();
  const changeReplicas = async (by: number): Promise<string> => {
    const { spec } = await kubectl.get(['-n', NAMESPACE, 'deployment', 'edge']);
    return inNamespace('scale', 'deployment/edge', `--replicas=${Number(spec?.['replicas']) + by}`);
  };
  // One after the other: each goes by the number that the one before has set.
  const resize = (by: number): Promise<unknown> => (resizing = resizing.then(() => changeReplicas(by)));

  const departure = async (name: string): Promise<Departure> => {
    await inNamespace('patch', 'pod', name, '--patch', JSON.stringify({ metadata: { finalizers: [FINALIZER] } }));
    // The node's last word on a pod sets the time to the present.
    let toldAt = Number.NaN;
    const end = await eventually(
      async () => {
        const pod = await kubectl.get(['-n', NAMESPACE, 'pod', name]);
        const { deletionTimestamp, deletionGracePeriodSeconds: graceSeconds } = pod.metadata;
        if (deletionTimestamp !== undefined && Number.isNaN(toldAt)) {
          toldAt = Date.parse(deletionTimestamp) - Number(graceSeconds) * 1000;
        }
        const terminated = containerStatus(pod)?.state?.terminated;
        if (terminated === undefined) throw new Error(`${name} has not ended`);
        return { exitCode: terminated.exitCode, tookMs: Date.parse(terminated.finishedAt) - toldAt };
      },
      { withinMs: GONE_WITHIN_MS },
    );
    await inNamespace('patch', 'pod', name, '--patch', JSON.stringify({ metadata: { finalizers: null } }));
    return end;
  };

  const fleet: PodFleet = {
    url: `ws://${NETWORK.nodeAddress}:${NODE_PORT}/api/v1/websocket`,
    redisUrl: `${options.redisUser}127.0.0.1:${redisPort}`,
    redisPrefix: 'tickcast:',
    cap: 1000,
    mintToken: (sub) => mintToken({ sub, secret: options.secret }),
    running,
    departure,
    nodes: async () => {
      const names = await running();
      return Promise.all(names.map(async (name) => describeNode(name, await readConnz(kubectl, name))));
    },
    async add() {
      const before = new Set((await pods()).map(({ metadata }) => metadata.name));
      await resize(1);
      return eventually(
        async () => {
          const added = (await running()).find((name) => !before.has(name));
          if (added === undefined || !(await fleet.isServing(added))) throw new Error('the new pod is not yet served');
          return added;
        },
        { withinMs: READY_WITHIN_MS },
      );
    },
    async drain(name) {
      await inNamespace('annotate', 'pod', name, 'controller.kubernetes.io/pod-deletion-cost=-1000', '--overwrite');
      const departed = departure(name);
      await resize(-1);
      return departed;
    },
    async kill(name) {
      const id = containerStatus(await kubectl.get(['-n', NAMESPACE, 'pod', name]))?.containerID?.split('//')[1];
      const tasks = await machine.run('ctr', ['--address', layout.containerdSocket, '-n', 'k8s.io', 'tasks', 'ls']);
      const [, pid = ''] = new RegExp(`^${id}\\s+(\\d+)`, 'm').exec(tasks) ?? [];
      await machine.run('kill', ['-KILL', pid]);
    },
    async isServing(name) {
      const pod = (await pods()).find(({ metadata }) => metadata.name === name);
      const { podIP } = (pod?.status ?? {}) as { podIP?: string };
      // The EndpointSlice is a second ahead of what kube-proxy makes of it, and that is the balancer here.
      const rules = (await machine.run('iptables-save', ['--table', 'nat'])).split('\n');
      const rule = `--to-destination ${podIP}:8001`;
      return rules.some((line) => line.includes('"tickcast/door"') && line.endsWith(rule));
    },
    async stop() {
      await redis.kill();
      await inNamespace('delete', 'service', 'door');
    },
  };
  return fleet;
}

interface ContainerStatus {
  containerID?: string;
  restartCount: number;
  state?: { running?: object; terminated?: { exitCode: number; finishedAt: string } };
}

function containerStatus(pod: Resource): ContainerStatus | undefined {
  return (pod.status as { containerStatuses?: ContainerStatus[] } | undefined)?.containerStatuses?.[0];
}

function isRunning(pod: Resource): boolean {
  return containerStatus(pod)?.state?.running !== undefined;
}

/** The way in for clients on this machine, where a load balancer would be. */
function doorService(): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'door', namespace: NAMESPACE },
    spec: {
      type: 'NodePort',
      selector: { 'app.kubernetes.io/name': 'edge' },
      ports: [{ port: 8001, targetPort: 'clients', nodePort: NODE_PORT }],
    },
  };
}
