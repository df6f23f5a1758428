/** Every overlay rendered and held to the schemas of Kubernetes, of the Gateway API and of KEDA. */
import { expect, test } from '@jest/globals';
import { type Mistake, REMOVED, describeMistake, overlayOf, withMistake } from './test-support/mistakes.ts';
import { title } from './test-support/objects.ts';
import { CONTAINER, POD } from './test-support/policies/policy.ts';
import { renderOverlays } from './test-support/render.ts';
import { schemaProblems } from './test-support/schemas.ts';
import { filesUnder, kustomizations, overlayFolders, readYaml, referencesOf } from './test-support/tree.ts';

const overlays = await renderOverlays();

test('every manifest is strict YAML, without a key that stands twice', () => {
  const manifests = filesUnder('.').filter((path) => path.endsWith('.yaml') && !path.includes('/secrets/'));
  expect(manifests.length).toBeGreaterThan(20);
  for (const path of manifests) expect(() => readYaml(path)).not.toThrow();
});

test('every manifest and every component is reached from an overlay', () => {
  const reached = new Set<string>();
  const reach = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    if (!kustomizations().includes(path)) return;
    reached.add(`${path}/kustomization.yaml`);
    referencesOf(path).forEach(reach);
  };
  overlayFolders().forEach(reach);
  // Values for a Helm chart are no manifest; k8s/README.md says what to do with them.
  const stray = filesUnder('.').filter(
    (path) => path.endsWith('.yaml') && !path.endsWith('-values.yaml') && !reached.has(path),
  );
  expect(stray).toEqual([]);
});

test('every overlay renders to objects, none of them twice', () => {
  for (const { objects } of overlays) {
    const names = objects.map(title);
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names).size).toBe(names.length);
  }
});

test.each(overlays)('every object of overlay $name is what its schema says', async ({ objects }) => {
  expect(await schemaProblems(objects)).toEqual([]);
});

const MISTAKES: readonly Mistake[] = [
  // Unknown fields, from the top down.
  ['ServiceAccount/edge', 'automountServiceToken', false],
  ['Deployment/edge', 'metadata.lables', {}],
  ['Deployment/edge', 'spec.replica', 3],
  ['Deployment/edge', `${POD}.terminationGracePeriod`, 60],
  ['Deployment/edge', `${CONTAINER}.readinesProbe`, { httpGet: { path: '/readyz', port: 'admin' } }],
  ['Deployment/edge', `${CONTAINER}.readinessProbe.periodSecond`, 2],
  ['Deployment/edge', `${CONTAINER}.lifecycle.preStop.sleep.second`, 5],
  ['Deployment/edge', `${CONTAINER}.securityContext.capabilities.dropped`, ['ALL']],
  ['Deployment/edge', `${CONTAINER}.env.0.valueFrom.fieldRef.path`, 'metadata.name'],
  ['CronJob/install-function', 'spec.jobTemplate.spec.ttlSecondsAfterFinish', 60],
  ['NetworkPolicy/edge', 'spec.ingress.0.form', []],
  ['NetworkPolicy/jwks', 'spec.egress.0.to.0.ipBlock.expect', ['10.0.0.0/8'], 'production-keda'],
  ['HorizontalPodAutoscaler/edge', 'spec.behaviour', {}],
  ['HorizontalPodAutoscaler/edge', 'spec.behavior.scaleDown.stabilisationWindowSeconds', 600],
  ['HTTPRoute/websocket', 'spec.rules.0.timeout', { request: '0s' }],
  ['HTTPRoute/websocket', 'spec.rules.0.backendRefs.0.portNumber', 8001],
  ['Gateway/tickcast', 'spec.listeners.0.tls.certificateRef', []],
  ['ScaledObject/edge', 'spec.minReplicas', 3, 'production-keda'],
  ['ScaledObject/edge', 'spec.triggers.0.metadat', {}, 'production-keda'],
  ['Ingress/tickcast', 'spec.rules.0.http.paths.0.backend.serviceName', 'edge', 'production-ingress'],
  ['StatefulSet/valkey', 'spec.volumeClaimTemplates.0.spec.storage', '2Gi', 'local'],
  // Wrong types.
  ['Deployment/edge', 'spec.replicas', '3', 'local'],
  ['Deployment/edge', `${CONTAINER}.env.0.value`, 5],
  ['Deployment/edge', `${CONTAINER}.ports`, { name: 'clients', containerPort: 8001 }],
  ['Deployment/edge', `${CONTAINER}.resources.requests.cpu`, 'a lot'],
  ['ConfigMap/edge', 'data.TICKCAST_DRAIN_SECONDS', 30],
  ['HTTPRoute/websocket', 'spec.rules.0.timeouts.request', 0],
  ['HTTPRoute/websocket', 'spec.rules.0.timeouts.request', 'none'],
  ['ScaledObject/edge', 'spec.triggers.0.metadata.threshold', 250, 'production-keda'],
  // Missing fields.
  ['Deployment/edge', 'spec.selector', REMOVED],
  ['Deployment/edge', `${CONTAINER}.name`, REMOVED],
  ['Service/edge', 'spec.ports.0.port', REMOVED],
  ['Ingress/tickcast', 'spec.rules.0.http.paths.0.pathType', REMOVED, 'production-ingress'],
  ['ScaledObject/edge', 'spec.triggers', REMOVED, 'production-keda'],
  ['Gateway/tickcast', 'spec.listeners.0.protocol', REMOVED],
  // Words that there are not.
  ['Deployment/edge', `${CONTAINER}.imagePullPolicy`, 'Sometimes'],
  ['Deployment/edge', 'spec.strategy.type', 'Rolling'],
  ['Deployment/edge', `${POD}.topologySpreadConstraints.0.whenUnsatisfiable`, 'ScheduleAnyways'],
  ['CronJob/install-function', 'spec.concurrencyPolicy', 'Never'],
  ['Service/edge', 'spec.type', 'Internal'],
  ['NetworkPolicy/default-deny', 'spec.policyTypes.0', 'ingress'],
  ['PodDisruptionBudget/edge', 'spec.unhealthyPodEvictionPolicy', 'Always'],
  ['HTTPRoute/websocket', 'spec.rules.0.matches.0.path.type', 'Regex'],
  ['Ingress/tickcast', 'spec.rules.0.http.paths.0.pathType', 'exact', 'production-ingress'],
  // Versions and kinds that there are not.
  ['Deployment/edge', 'apiVersion', 'apps/v2'],
  ['PodDisruptionBudget/edge', 'apiVersion', 'policy'],
  ['HTTPRoute/websocket', 'apiVersion', 'gateway.networking.k8s.io/v2'],
  ['ScaledObject/edge', 'apiVersion', 'keda.sh/v1', 'production-keda'],
  ['HorizontalPodAutoscaler/edge', 'apiVersion', 'autoscaling/v2beta2'],
  ['CronJob/install-function', 'apiVersion', 'batch/v1beta1'],
  ['Ingress/tickcast', 'apiVersion', 'extensions/v1beta1', 'production-ingress'],
  ['Deployment/edge', 'kind', 'deployment'],
];

test.each(MISTAKES.map((mistake) => [describeMistake(mistake), mistake] as const))(
  'is refused: %s',
  async (_, mistake) => {
    const { objects } = withMistake(overlayOf(mistake, overlays), mistake);
    expect(await schemaProblems(objects)).not.toEqual([]);
  },
);
