import { readFileSync } from 'node:fs';
import type { Kubectl } from './kubectl.ts';
import { METRICS_ADAPTER_IMAGE, PROMETHEUS_IMAGE } from './node-images.ts';

const NAMESPACE = 'monitoring';

/** As the Helm chart of Prometheus finds pods: by their annotations. */
const PROMETHEUS_CONFIG = `
global: { scrape_interval: 5s }
scrape_configs:
  - job_name: kubernetes-pods
    kubernetes_sd_configs: [{ role: pod }]
    relabel_configs:
      - { source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: 'true' }
      - source_labels: [__meta_kubernetes_pod_ip, __meta_kubernetes_pod_annotation_prometheus_io_port]
        separator: ':'
        target_label: __address__
      # Each of a pod's ports would be a target; all have the same address now.
      - { source_labels: [__meta_kubernetes_pod_container_port_name], action: keep, regex: admin }
      - { source_labels: [__meta_kubernetes_namespace], target_label: namespace }
      - { source_labels: [__meta_kubernetes_pod_name], target_label: pod }
`;

/**
 * Prometheus and prometheus-adapter in the namespace `monitoring`, with the rules of the component `hpa`.
 *
 * @param values the path of its values for the adapter's Helm chart
 */
export async function addMetrics(kubectl: Kubectl, values: string): Promise<void> {
  const items = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    ...program('prometheus-server', {
      image: PROMETHEUS_IMAGE,
      args: ['--config.file=/etc/config/prometheus.yml', '--storage.tsdb.path=/tmp/prometheus'],
      port: { port: 80, targetPort: 9090 },
      files: { 'prometheus.yml': PROMETHEUS_CONFIG },
      ready: { path: '/-/ready', port: 9090 },
    }),
    ...program('prometheus-adapter', {
      image: METRICS_ADAPTER_IMAGE,
      args: [
        '--secure-port=6443',
        '--cert-dir=/tmp',
        '--config=/etc/config/config.yaml',
        `--prometheus-url=${urlIn(values)}`,
        // So often it asks which series there are.
        '--metrics-relist-interval=10s',
      ],
      port: { port: 443, targetPort: 6443 },
      files: { 'config.yaml': rulesIn(values) },
      ready: { path: '/readyz', port: 6443, scheme: 'HTTPS' },
    }),
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: 'v1beta1.custom.metrics.k8s.io' },
      spec: {
        group: 'custom.metrics.k8s.io',
        version: 'v1beta1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { name: 'prometheus-adapter', namespace: NAMESPACE },
      },
    },
    ...rightsOfAutoscaler(),
  ];
  await kubectl.change(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }) });
  for (const name of ['prometheus-server', 'prometheus-adapter']) {
    await kubectl.run(['-n', NAMESPACE, 'rollout', 'status', `deployment/${name}`, '--timeout=60s']);
  }
}

interface Program {
  image: string;
  args: readonly string[];
  port: { port: number; targetPort: number };
  files: Record<string, string>;
  ready: { path: string; port: number; scheme?: string };
}

function program(name: string, { image, args, port, files, ready }: Program): object[] {
  const metadata = { name, namespace: NAMESPACE };
  const labels = { 'app.kubernetes.io/name': name };
  const container = {
    name,
    image,
    args,
    volumeMounts: [
      { name: 'config', mountPath: '/etc/config' },
      { name: 'tmp', mountPath: '/tmp' },
    ],
    readinessProbe: { httpGet: ready, periodSeconds: 1 },
  };
  const spec = {
    serviceAccountName: name,
    containers: [container],
    volumes: [
      { name: 'config', configMap: { name } },
      { name: 'tmp', emptyDir: {} },
    ],
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      // More than it needs: it is gone in some minutes.
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name, namespace: NAMESPACE }],
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: files },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [port] } },
  ];
}

/** The controller may read the API's own metrics only; charts of adapters bring this. */
function rightsOfAutoscaler(): object[] {
  const metadata = { name: 'custom-metrics-reader' };
  return [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata,
      rules: [{ apiGroups: ['custom.metrics.k8s.io'], resources: ['*'], verbs: ['get', 'list'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', ...metadata },
      subjects: [{ kind: 'ServiceAccount', name: 'horizontal-pod-autoscaler', namespace: 'kube-system' }],
    },
  ];
}

function urlIn(values: string): string {
  const text = readFileSync(values, 'utf8');
  const [, url] = /^ {2}url: (\S+)$/m.exec(text) ?? [];
  const [, port] = /^ {2}port: (\d+)$/m.exec(text) ?? [];
  if (url === undefined || port === undefined) throw new Error(`${values} does not say where Prometheus is`);
  return `${url}:${port}`;
}

/** The chart writes what stands under `rules.custom` into the adapter's file as its `rules`. */
function rulesIn(values: string): string {
  const [, custom] = /^ {2}custom:\n((?: {4}.*\n|\n)+)/m.exec(readFileSync(values, 'utf8')) ?? [];
  if (custom === undefined) throw new Error(`${values} has no rules`);
  return `rules:\n${custom}`;
}
