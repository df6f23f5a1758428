import { eventually } from '../eventually.ts';
import { expectThat } from '../rollout/promises.ts';
import { NETWORK } from './layout.ts';
import type { Kubectl } from './kubectl.ts';
import { say } from './steps.ts';

/** Who asks: pods made for it, with nothing but what decides about them, and pods of the product. */
const CALLERS = {
  stranger: { namespace: 'default', labels: {} },
  publisher: { namespace: 'default', labels: { 'tickcast.dev/redis-client': 'true' } },
  prometheus: { namespace: 'monitoring', labels: {} },
} as const;

interface Flow {
  from: keyof typeof CALLERS | 'edge' | 'producers';
  /** An address, or a pod's name without what is made up. */
  to: string;
  port: number;
  passes: boolean;
}

const FLOWS: readonly Flow[] = [
  { from: 'stranger', to: 'edge', port: 8001, passes: true },
  { from: 'stranger', to: 'edge', port: 9001, passes: false },
  { from: 'stranger', to: 'producers', port: 9003, passes: false },
  { from: 'stranger', to: 'valkey', port: 6379, passes: false },
  { from: 'publisher', to: 'valkey', port: 6379, passes: true },
  { from: 'publisher', to: 'edge', port: 9001, passes: false },
  { from: 'prometheus', to: 'edge', port: 9001, passes: true },
  { from: 'prometheus', to: 'producers', port: 9003, passes: true },
  { from: 'prometheus', to: 'valkey', port: 6379, passes: false },
  { from: 'edge', to: 'valkey', port: 6379, passes: true },
  { from: 'edge', to: 'producers', port: 9003, passes: false },
  { from: 'edge', to: NETWORK.apiService, port: 443, passes: false },
  { from: 'producers', to: 'valkey', port: 6379, passes: true },
  { from: 'producers', to: 'edge', port: 9001, passes: false },
  { from: 'producers', to: NETWORK.apiService, port: 443, passes: false },
];

const IDLE = 'setInterval(() => {}, 1e6)';
const CONNECT =
  "const s = require('net').connect(process.argv[2], process.argv[1]);" +
  "s.on('connect', () => process.exit(0)); s.on('error', () => process.exit(1)); setTimeout(() => process.exit(1), 1500)";

/**
 * Tries the connections that the network policies of the overlay `local` are there for.
 *
 * @throws when one passes that should not, or does not that should
 */
export async function tryNetworkPolicies(kubectl: Kubectl): Promise<void> {
  await kubectl.run(['create', 'namespace', 'monitoring']);
  for (const [name, { namespace, labels }] of Object.entries(CALLERS)) {
    const spec = {
      containers: [{ name, image: 'tickcast/cli:0.1.0', command: ['node', '-e', IDLE] }],
      terminationGracePeriodSeconds: 0,
    };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec };
    await kubectl.change(['create', '-f', '-'], { input: JSON.stringify(pod) });
    await kubectl.run(['-n', namespace, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s']);
  }
  // A new pod's rules may take a moment; then they have to stay.
  for (const withinMs of [30_000, 0]) {
    for (const flow of FLOWS) {
      await eventually(
        async () => {
          const passes = await connects(kubectl, flow);
          const { from, to, port } = flow;
          const promise = `${from} ${flow.passes ? 'reaches' : 'does not reach'} ${to}:${port}`;
          expectThat(passes === flow.passes, promise, passes ? 'it does' : 'it does not');
          if (withinMs === 0) say(promise);
        },
        { withinMs },
      );
    }
  }
  for (const [name, { namespace }] of Object.entries(CALLERS)) {
    await kubectl.run(['-n', namespace, 'delete', 'pod', name]);
  }
  await kubectl.run(['delete', 'namespace', 'monitoring']);
}

async function connects(kubectl: Kubectl, { from, to, port }: Flow): Promise<boolean> {
  const address = /^\d/.test(to) ? to : (await podOf(kubectl, to)).address;
  const caller =
    from in CALLERS ? { name: from, namespace: CALLERS[from as 'stranger'].namespace } : await podOf(kubectl, from);
  const command = ['node', '-e', CONNECT, address, String(port)];
  return kubectl.run(['-n', caller.namespace, 'exec', caller.name, '--', ...command]).then(
    () => true,
    () => false,
  );
}

async function podOf(kubectl: Kubectl, app: string): Promise<{ name: string; namespace: string; address: string }> {
  const [pod] = await kubectl.list(['-n', 'tickcast', 'pods', '-l', `app.kubernetes.io/name=${app}`]);
  const { podIP } = (pod?.status ?? {}) as { podIP?: string };
  if (pod === undefined || podIP === undefined) throw new Error(`no pod of ${app} has an address`);
  return { name: pod.metadata.name, namespace: 'tickcast', address: podIP };
}
