import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kubectl } from './kubectl.ts';
import { NETWORK, NODE_NAME, type Layout } from './layout.ts';
import { DNS_IMAGE } from './node-images.ts';

/** What every cluster brings: names of Services, and disks for those who ask for one. */
export async function addBasics(kubectl: Kubectl, layout: Layout): Promise<void> {
  await apply(kubectl, clusterDns());
  await renewDisk(kubectl, layout);
  await kubectl.run(['-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=60s']);
}

/** Empties the one disk that there is. A volume that was given back is not given to anybody else by itself. */
export async function renewDisk(kubectl: Kubectl, layout: Layout): Promise<void> {
  const path = join(layout.state, 'disk');
  await kubectl.run(['delete', 'persistentvolume', 'disk', '--ignore-not-found']);
  await rm(path, { recursive: true, force: true });
  await mkdir(path);
  await chmod(path, 0o777);
  await apply(kubectl, disks(path));
}

async function apply(kubectl: Kubectl, items: readonly object[]): Promise<void> {
  await kubectl.change(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
}

function clusterDns(): object[] {
  const metadata = { name: 'coredns', namespace: 'kube-system' };
  const labels = { 'k8s-app': 'kube-dns' };
  const corefile = '.:53 {\n  errors\n  ready\n  kubernetes cluster.local\n  cache 5\n}\n';
  const container = {
    name: 'coredns',
    image: DNS_IMAGE,
    args: ['-conf', '/etc/coredns/Corefile'],
    volumeMounts: [{ name: 'config', mountPath: '/etc/coredns' }],
    readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'coredns' },
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ],
    },
    binding('coredns', 'kube-system'),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: corefile } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: 'coredns',
            containers: [container],
            volumes: [{ name: 'config', configMap: { name: 'coredns' } }],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'kube-dns', namespace: 'kube-system' },
      spec: {
        clusterIP: NETWORK.dnsService,
        selector: labels,
        ports: [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53, protocol: 'TCP' },
        ],
      },
    },
  ];
}

/** Gives the ServiceAccount of that name the ClusterRole of that name. */
function binding(name: string, namespace: string): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  };
}

/** One folder of the node, in the default class. */
function disks(path: string): object[] {
  const onThisNode = { key: 'kubernetes.io/hostname', operator: 'In', values: [NODE_NAME] };
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'disk' },
      spec: {
        capacity: { storage: '2Gi' },
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'local',
        persistentVolumeReclaimPolicy: 'Retain',
        local: { path },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onThisNode] }] } },
      },
    },
  ];
}
