import { REMOVED } from '../mistakes.ts';
import { type KubeObject, type Overlay, ofKind, selects, title, workloads } from '../objects.ts';
import { type Policy, CONTAINER, POD, told } from './policy.ts';

const CLUSTER_WIDE = new Set(['Namespace']);
const DNS_NAME = /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/;
const LABEL_KEY = /^([a-z0-9][-a-z0-9.]*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Whether what belongs together finds each other. */
export const WIRING_POLICIES: readonly Policy[] = [
  {
    name: 'everything is in one namespace, which the overlay makes and which enforces "restricted"',
    why: 'what is left out goes into whichever namespace kubectl stands in',
    check: (overlay) => {
      const [namespace, ...more] = ofKind(overlay, 'Namespace');
      if (namespace === undefined || more.length > 0) return ['not one Namespace'];
      const enforced = namespace.metadata.labels?.['pod-security.kubernetes.io/enforce'];
      return [
        ...(enforced === 'restricted' ? [] : [`it enforces ${enforced}`]),
        ...told(
          overlay.objects.filter(({ kind }) => !CLUSTER_WIDE.has(kind)),
          (object) => object.metadata.namespace !== namespace.metadata.name && `${title(object)} is elsewhere`,
        ),
      ];
    },
    mistakes: [
      ['Namespace/tickcast', '', REMOVED],
      ['Namespace/tickcast', 'metadata.labels', { 'pod-security.kubernetes.io/enforce': 'baseline' }],
      ['HTTPRoute/websocket', 'metadata.namespace', REMOVED],
      ['Service/edge', 'metadata.namespace', 'default'],
    ],
  },
  {
    name: 'names and labels are such as Kubernetes takes, and everything says that it is part of tickcast',
    why: 'a bad one is refused only by the cluster; the common label is how one finds all of it',
    check: (overlay) =>
      told(overlay.objects, (object) => {
        const { name, labels = {} } = object.metadata;
        const all = [labels, ...podLabelsOf(overlay, object)].flatMap((some) => Object.entries(some));
        if (!DNS_NAME.test(name)) return `the name ${name}`;
        if (all.some(([key, value]) => !LABEL_KEY.test(key) || !LABEL_VALUE.test(value)))
          return `${title(object)}'s labels`;
        return labels['app.kubernetes.io/part-of'] !== 'tickcast' && `${title(object)} is part of nothing`;
      }),
    mistakes: [
      ['Deployment/edge', 'metadata.name', 'Edge_1'],
      ['Deployment/edge', 'spec.template.metadata.labels', { 'tickcast.dev/redis-client': 'yes, please' }],
      ['Gateway/tickcast', 'metadata.labels', REMOVED],
    ],
  },
  {
    name: 'a workload selects its own pods, and nobody selects those of others',
    why: 'two that select the same pods fight over them',
    check: (overlay) =>
      [...ofKind(overlay, 'Deployment'), ...ofKind(overlay, 'StatefulSet')].flatMap((object) => {
        const selector = object.spec?.selector.matchLabels;
        return told(workloads(overlay), (one) => {
          const isOwn = one.title === title(object);
          return selects(selector, one.podLabels) !== isOwn && `${title(object)} and the pods of ${one.title}`;
        });
      }),
    mistakes: [
      ['Deployment/edge', 'spec.selector.matchLabels', { 'app.kubernetes.io/name': 'edges' }],
      ['Deployment/edge', 'spec.selector.matchLabels', { 'app.kubernetes.io/part-of': 'tickcast' }],
      ['Deployment/edge', 'spec.template.metadata.labels', { 'app.kubernetes.io/name': 'producers' }],
      ['StatefulSet/valkey', 'spec.template.metadata.labels', {}, 'local'],
    ],
  },
  {
    name: 'a Service leads to the pods of one workload, to a port that they have',
    why: 'one that leads nowhere looks as healthy as any other; clients are refused',
    check: (overlay) =>
      ofKind(overlay, 'Service').flatMap((object) => {
        const served = workloads(overlay).filter(({ podLabels }) => selects(object.spec?.selector, podLabels));
        const [only] = served;
        if (only === undefined || served.length > 1) return [`${title(object)} leads to ${served.length} workloads`];
        const ports = only.pod.containers.flatMap((container) => container.ports ?? []);
        return told(object.spec?.ports ?? [], ({ port, targetPort = port }) => {
          const isThere = ports.some(({ name, containerPort }) => name === targetPort || containerPort === targetPort);
          return !isThere && `${title(object)}: ${only.title} has no port ${targetPort}`;
        });
      }),
    mistakes: [
      ['Service/edge', 'spec.selector', { 'app.kubernetes.io/name': 'edges' }],
      ['Service/edge', 'spec.selector', { 'app.kubernetes.io/part-of': 'tickcast' }],
      ['Service/edge', 'spec.ports.0.targetPort', 'websocket'],
      ['Service/valkey', 'spec.ports.0.targetPort', 6380, 'local'],
      ['Deployment/edge', `${CONTAINER}.ports.0.name`, 'ws'],
    ],
  },
  {
    name: 'every volume that is mounted is there, and every one that is there is mounted',
    why: 'the first is refused by the cluster, the second is a forgotten mount',
    check: (overlay) =>
      told(workloads(overlay), (workload) => {
        const mounted = workload.pod.containers.flatMap(({ volumeMounts = [] }) =>
          volumeMounts.map(({ name }) => name),
        );
        const claims = ofKind(overlay, 'StatefulSet')
          .filter((object) => title(object) === workload.title)
          .flatMap(({ spec }) => spec?.volumeClaimTemplates ?? []);
        const there = [...(workload.pod.volumes ?? []), ...claims.map(({ metadata }) => metadata)];
        const names = there.map((volume) => volume?.name ?? '');
        return [...new Set(mounted)].toSorted().join() !== names.toSorted().join() && workload.title;
      }),
    mistakes: [
      ['StatefulSet/valkey', `${CONTAINER}.volumeMounts.2`, REMOVED, 'local'],
      ['StatefulSet/valkey', `${POD}.volumes.0.name`, 'configuration', 'local'],
      ['Deployment/edge', `${POD}.volumes`, REMOVED, 'production-ingress'],
    ],
  },
  {
    name: 'what a StatefulSet writes is on a volume that outlives it',
    why: 'seats, queues and alerts would be gone with the pod',
    check: (overlay) =>
      told(ofKind(overlay, 'StatefulSet'), (object) => {
        const {
          volumeClaimTemplates: claims = [],
          persistentVolumeClaimRetentionPolicy: kept,
          serviceName,
        } = object.spec ?? {};
        if (claims.length === 0) return `${title(object)} has no claim`;
        if (kept?.whenDeleted === 'Delete' || kept?.whenScaled === 'Delete') return `${title(object)} deletes its data`;
        const services = ofKind(overlay, 'Service').map(({ metadata }) => metadata.name);
        return !services.includes(serviceName ?? '') && `${title(object)} names no Service`;
      }),
    mistakes: [
      ['StatefulSet/valkey', 'spec.volumeClaimTemplates', REMOVED, 'local'],
      ['StatefulSet/valkey', 'spec.persistentVolumeClaimRetentionPolicy.whenDeleted', 'Delete', 'local'],
      ['StatefulSet/valkey', 'spec.serviceName', 'redis', 'local'],
    ],
  },
];

function podLabelsOf(overlay: Overlay, object: KubeObject): Record<string, string>[] {
  return workloads(overlay)
    .filter((one) => one.title === title(object))
    .map(({ podLabels }) => podLabels);
}
