import type { Kubectl } from './kubectl.ts';
import { NETWORK } from './layout.ts';
import { GATEWAY_IMAGE } from './node-images.ts';

const NAMESPACE = 'gateway';

/**
 * An implementation of the Gateway API, and of Ingress: Traefik, in a namespace of its own, at ports 80 and 443 of the node's
 * address as if a cloud had given it a load balancer.
 *
 * @param classes names of the GatewayClass and the IngressClass that it answers to
 */
export async function addGateway(kubectl: Kubectl, classes: { gateway: string; ingress: string }): Promise<void> {
  const items = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }, ...access(), ...workload()];
  const gatewayClass = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'GatewayClass',
    metadata: { name: classes.gateway },
    spec: { controllerName: 'traefik.io/gateway-controller' },
  };
  const ingressClass = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: classes.ingress },
    spec: { controller: 'traefik.io/ingress-controller' },
  };
  const list = { apiVersion: 'v1', kind: 'List', items: [...items, gatewayClass, ingressClass] };
  await kubectl.change(['apply', '-f', '-'], { input: JSON.stringify(list) });
  await kubectl.run(['-n', NAMESPACE, 'rollout', 'status', 'deployment/traefik', '--timeout=60s']);
}

/** More than its own documentation asks for: it is gone in some minutes. */
function access(): object[] {
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'traefik', namespace: NAMESPACE } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'traefik' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'traefik', namespace: NAMESPACE }],
    },
  ];
}

function workload(): object[] {
  const metadata = { name: 'traefik', namespace: NAMESPACE };
  const labels = { 'app.kubernetes.io/name': 'traefik' };
  const container = {
    name: 'traefik',
    image: GATEWAY_IMAGE,
    args: [
      '--global.checknewversion=false',
      '--global.sendanonymoususage=false',
      '--entrypoints.web.address=:80',
      '--entrypoints.websecure.address=:443',
      '--entrypoints.traefik.address=:8080',
      // An Ingress says only which certificate to take; that port 443 speaks TLS stands here.
      '--entrypoints.websecure.http.tls=true',
      '--ping=true',
      '--providers.kubernetesgateway=true',
      '--providers.kubernetesingress=true',
    ],
    readinessProbe: { httpGet: { path: '/ping', port: 8080 }, periodSeconds: 1 },
  };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { serviceAccountName: 'traefik', containers: [container] } },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        type: 'LoadBalancer',
        // Clients keep their addresses.
        externalTrafficPolicy: 'Local',
        externalIPs: [NETWORK.nodeAddress],
        selector: labels,
        ports: [
          { name: 'web', port: 80 },
          { name: 'websecure', port: 443 },
        ],
      },
    },
  ];
}
