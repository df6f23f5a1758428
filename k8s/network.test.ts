/** Who may talk to whom: what the network policies of each overlay let through, and what not. */
import { describe, expect, test } from '@jest/globals';
import { type Mistake, REMOVED, describeMistake, overlayOf, withMistake } from './test-support/mistakes.ts';
import { type Door, type End, isLetThrough } from './test-support/network.ts';
import { type Overlay, workloads } from './test-support/objects.ts';
import { renderOverlays } from './test-support/render.ts';

const overlays = await renderOverlays();

const tcp = (port: number, portName?: string): Door => ({ port, protocol: 'TCP', ...(portName && { portName }) });
const CLIENTS = tcp(8001, 'clients');
const EDGE_ADMIN = tcp(9001, 'admin');
const WORKER_ADMIN = tcp(9003, 'admin');
const REDIS = tcp(6379, 'redis');
const HTTPS = tcp(443);
const NAMES = [tcp(53), { port: 53, protocol: 'UDP' }] as const;

/** Who there is besides the workloads: pods of other namespaces, and addresses. */
const OTHERS: Record<string, End> = {
  'another pod of ours': { namespace: 'tickcast', labels: { app: 'debugger' } },
  stranger: { namespace: 'default', labels: { app: 'stranger' } },
  gateway: { namespace: 'gateway-system', labels: { app: 'gateway' } },
  "the Gateway's own proxy": {
    namespace: 'tickcast',
    labels: { 'gateway.networking.k8s.io/gateway-name': 'tickcast' },
  },
  'its control plane': { namespace: 'istio-system', labels: { app: 'istiod' } },
  prometheus: { namespace: 'monitoring', labels: { app: 'prometheus' } },
  publisher: { namespace: 'trading', labels: { 'tickcast.dev/redis-client': 'true' } },
  dns: { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
  'node-local dns': { address: '169.254.20.10' },
  'a client': { address: '198.51.100.7' },
  'the internet': { address: '203.0.113.7' },
  'the own Redis': { address: '192.0.2.10' },
  'a neighbour of it': { address: '192.0.2.11' },
  'the login service': { address: '203.0.113.44' },
  'the metadata of the cloud': { address: '169.254.169.254' },
  'a node': { address: '10.0.0.5' },
};

const EVERYBODY = ['edge', 'producers', 'install-function', 'valkey', ...Object.keys(OTHERS)];
const OF_THE_NAMESPACE = [
  'edge',
  'producers',
  'install-function',
  'valkey',
  'another pod of ours',
  "the Gateway's own proxy",
];
const PUBLIC = Object.entries(OTHERS).flatMap(([name, end]) =>
  'address' in end && /^(198|203|192\.0)\./.test(end.address) ? [name] : [],
);
const PROXY = "the Gateway's own proxy";
const WITH_GATEWAY = /^production(-keda)?$/;
const OF_OTHER_NAMESPACES = Object.entries(OTHERS).flatMap(([name, end]) =>
  'namespace' in end && end.namespace !== 'tickcast' ? [name] : [],
);
const DOORS = [CLIENTS, EDGE_ADMIN, WORKER_ADMIN, REDIS, HTTPS, ...NAMES, tcp(22)];
const USERS_OF_REDIS = ['edge', 'producers', 'install-function'];

/** The overlays that it is for; all, where none are said. */
type Flow = readonly [from: string, to: string, door: Door, overlays?: RegExp];

/** All that must work. */
const NEEDED: readonly Flow[] = [
  ['a client', 'edge', CLIENTS],
  ['gateway', 'edge', CLIENTS],
  ['a node', 'edge', CLIENTS],
  ['prometheus', 'edge', EDGE_ADMIN],
  ['prometheus', 'producers', WORKER_ADMIN],
  ...across(USERS_OF_REDIS, ['dns', 'node-local dns'], NAMES),
  ...across(USERS_OF_REDIS, ['valkey'], [REDIS], /^local/),
  ['publisher', 'valkey', REDIS, /^local/],
  ...across(USERS_OF_REDIS, ['the own Redis'], [REDIS], /^production/),
  ['edge', 'the login service', HTTPS, /^production-keda/],
  ['a client', PROXY, HTTPS, WITH_GATEWAY],
  [PROXY, 'edge', CLIENTS, WITH_GATEWAY],
  [PROXY, 'its control plane', tcp(15012), WITH_GATEWAY],
];

/** What is open besides, as it can't be told from what must be. */
const TOLERATED: readonly Flow[] = [
  // It is the public door, and it asks everybody for a token.
  ...across(EVERYBODY, ['edge'], [CLIENTS]),
  ...across(OF_THE_NAMESPACE, ['dns', 'node-local dns'], NAMES),
  // The login service's address is not known beforehand; that of the cloud's metadata, and those of nodes and pods, stay shut.
  ...across(['edge'], PUBLIC, [HTTPS], /^production-keda/),
  // Which ports the proxy of a gateway listens on, and which pods are its control plane, is the implementation's own matter.
  ...across(EVERYBODY, [PROXY], DOORS, WITH_GATEWAY),
  ...across([PROXY], OF_OTHER_NAMESPACES, DOORS, WITH_GATEWAY),
];

describe.each(overlays)('in overlay $name', (overlay) => {
  const needed = ofOverlay(NEEDED, overlay);

  test('everything that must work is let through', () => {
    expect(needed.filter((flow) => !isOpen(overlay, flow)).map(describeFlow)).toEqual([]);
  });

  test('nothing else is, between any two ends and on any port', () => {
    const known = new Set([...needed, ...ofOverlay(TOLERATED, overlay)].map(describeFlow));
    const open = everyFlow(overlay)
      .filter((flow) => isOpen(overlay, flow))
      .map(describeFlow);
    expect(open.length).toBeGreaterThan(0);
    expect(open.filter((flow) => !known.has(flow))).toEqual([]);
  });
});

const MISTAKES: readonly (readonly [Flow, shouldBe: 'open' | 'shut', Mistake])[] = [
  [['stranger', 'edge', EDGE_ADMIN], 'shut', ['NetworkPolicy/edge', 'spec.ingress.1.from', REMOVED]],
  [['stranger', 'edge', EDGE_ADMIN], 'shut', ['NetworkPolicy/edge', 'spec.ingress.0.ports', REMOVED]],
  [
    ['stranger', 'another pod of ours', tcp(22)],
    'shut',
    ['NetworkPolicy/default-deny', 'spec.policyTypes', ['Egress']],
  ],
  [['stranger', 'install-function', tcp(22)], 'shut', ['NetworkPolicy/default-deny', '', REMOVED]],
  [['edge', 'the internet', REDIS], 'shut', ['NetworkPolicy/to-redis', 'spec.egress.0.to.0.ipBlock.cidr', '0.0.0.0/0']],
  [
    ['stranger', 'valkey', REDIS],
    'shut',
    ['NetworkPolicy/valkey', 'spec.ingress.0.from.0.podSelector', REMOVED, 'local'],
  ],
  [
    ['publisher', 'valkey', REDIS],
    'open',
    ['NetworkPolicy/valkey', 'spec.ingress.0.from.0.namespaceSelector', REMOVED, 'local'],
  ],
  [
    ['edge', 'the metadata of the cloud', HTTPS],
    'shut',
    ['NetworkPolicy/jwks', 'spec.egress.0.to.0.ipBlock.except', REMOVED, 'production-keda'],
  ],
  [['a client', 'edge', CLIENTS], 'open', ['NetworkPolicy/edge', '', REMOVED]],
  [
    ['edge', 'dns', { port: 53, protocol: 'UDP' }],
    'open',
    ['NetworkPolicy/dns', 'spec.egress.0.ports.0.protocol', 'TCP'],
  ],
  [['edge', 'the own Redis', REDIS], 'open', ['NetworkPolicy/to-redis', 'spec.egress.0.ports.0.port', 6380]],
  [['edge', 'valkey', REDIS], 'open', ['NetworkPolicy/to-redis', 'spec.podSelector.matchLabels', { a: 'b' }, 'local']],
  [[PROXY, 'edge', CLIENTS], 'open', ['NetworkPolicy/gateway-proxy', 'spec.egress.0', REMOVED, 'production']],
  [[PROXY, 'the internet', HTTPS], 'shut', ['NetworkPolicy/gateway-proxy', 'spec.egress', [{}], 'production']],
];

test.each(MISTAKES.map((row) => [row[1], describeFlow(row[0]), describeMistake(row[2]), row] as const))(
  'is seen: not %s, %s, by %s',
  (shouldBe, _flow, _mistake, [flow, , mistake]) => {
    const overlay = overlayOf(mistake, overlays);
    expect(isOpen(overlay, flow)).toBe(shouldBe === 'open');
    expect(isOpen(withMistake(overlay, mistake), flow)).toBe(shouldBe !== 'open');
  },
);

function isOpen(overlay: Overlay, [from, to, door]: Flow): boolean {
  return isLetThrough(overlay, endOf(overlay, from), endOf(overlay, to), door);
}

function everyFlow(overlay: Overlay): Flow[] {
  const ours = [...workloads(overlay).map(({ name }) => name), 'another pod of ours', PROXY];
  const ends = [...new Set([...ours, ...Object.keys(OTHERS)])];
  return across(ends, ends, DOORS).filter(([from, to]) => from !== to && (ours.includes(from) || ours.includes(to)));
}

function across(from: readonly string[], to: readonly string[], doors: readonly Door[], where?: RegExp): Flow[] {
  return from.flatMap((one) =>
    to.flatMap((other) => doors.map((door): Flow => (where ? [one, other, door, where] : [one, other, door]))),
  );
}

function ofOverlay(flows: readonly Flow[], { name }: Overlay): Flow[] {
  return flows.filter(([, , , where = /./]) => where.test(name));
}

function endOf(overlay: Overlay, name: string): End {
  const workload = workloads(overlay).find((one) => one.name === name);
  if (workload !== undefined) return { namespace: 'tickcast', labels: workload.podLabels };
  const other = OTHERS[name];
  if (other === undefined) throw new Error(`${overlay.name} has no ${name}`);
  return other;
}

function describeFlow([from, to, { port, protocol }]: Flow): string {
  return `${from} to ${to}:${port}/${protocol}`;
}
