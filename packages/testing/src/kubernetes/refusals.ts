import type { Kubectl, Resource } from './kubectl.ts';
import { CommandError } from '../command.ts';
import { expectThat } from '../rollout/promises.ts';
import { NAMESPACE } from './product.ts';
import { say } from './steps.ts';

type Change = (object: Resource) => void;

interface Mistake {
  what: string;
  /** Of the object that it is made in. */
  object: string;
  change: Change;
  /** What the API server's answer says. */
  refusal: RegExp;
}

/** Each row is made in a copy of the rendered object, and sent as a trial (`--dry-run=server`). */
const MISTAKES: readonly Mistake[] = [
  {
    what: 'a field that there is not',
    object: 'Deployment/edge',
    change: at('spec.template.spec.containers.0', { readinesProbe: {} }),
    refusal: /unknown field "spec\.template\.spec\.containers\[0\]\.readinesProbe"/,
  },
  {
    what: 'a hook with two actions',
    object: 'Deployment/edge',
    change: at('spec.template.spec.containers.0.lifecycle.preStop', { exec: { command: ['true'] } }),
    refusal: /may not specify more than 1 handler type/,
  },
  {
    what: 'a preStop hook longer than the grace period',
    object: 'Deployment/edge',
    change: at('spec.template.spec.containers.0.lifecycle.preStop.sleep', { seconds: 600 }),
    refusal: /less than terminationGracePeriodSeconds|must be non-negative and less/,
  },
  {
    what: 'labels that the selector does not match',
    object: 'Deployment/edge',
    change: at('spec.template.metadata.labels', { 'app.kubernetes.io/name': 'other' }),
    refusal: /`selector` does not match template `labels`/,
  },
  {
    what: 'neither old nor new pods to spare in a roll',
    object: 'Deployment/edge',
    change: at('spec.strategy.rollingUpdate', { maxSurge: 0, maxUnavailable: 0 }),
    refusal: /may not be 0 when `maxSurge` is 0/,
  },
  {
    what: 'a memory limit below the request',
    object: 'Deployment/edge',
    change: at('spec.template.spec.containers.0.resources.limits', { memory: '1Mi' }),
    refusal: /must be less than or equal to memory limit/,
  },
  {
    what: 'a budget with both bounds',
    object: 'PodDisruptionBudget/edge',
    change: at('spec', { minAvailable: 1 }),
    refusal: /minAvailable and maxUnavailable cannot be both set/,
  },
  {
    what: 'a policy for a protocol that there is not',
    object: 'NetworkPolicy/dns',
    change: at('spec.egress.0.ports.0', { protocol: 'QUIC' }),
    refusal: /supported values: "SCTP", "TCP", "UDP"|Unsupported value: "QUIC"/,
  },
  {
    what: 'an autoscaler without an upper bound',
    object: 'HorizontalPodAutoscaler/edge',
    change: at('spec', { maxReplicas: 0 }),
    refusal: /maxReplicas.*must be greater than 0|Required value: maxReplicas/,
  },
  {
    what: 'a route whose time-out is no duration of the Gateway API',
    object: 'HTTPRoute/websocket',
    change: at('spec.rules.0.timeouts', { request: 'never' }),
    refusal: /spec\.rules\[0\]\.timeouts\.request/,
  },
  {
    what: 'a route that gives its backend more time than the request has',
    object: 'HTTPRoute/websocket',
    change: at('spec.rules.0.timeouts', { request: '1s', backendRequest: '1h' }),
    refusal: /backendRequest timeout cannot be longer than request timeout/,
  },
  {
    what: 'a gateway that ends TLS without a certificate',
    object: 'Gateway/tickcast',
    change: at('spec.listeners.0.tls', { certificateRefs: [] }),
    refusal: /certificateRefs or options must be specified/,
  },
];

/** The same for a pod of the edge's template: what the namespace's Pod Security Standard must not admit. */
const INSECURITIES: readonly Omit<Mistake, 'object'>[] = [
  {
    what: 'a pod that may be root',
    change: at('spec.securityContext', { runAsNonRoot: false }),
    refusal: /violates PodSecurity "restricted.*runAsNonRoot/,
  },
  {
    what: 'a pod that is root',
    change: at('spec.securityContext', { runAsUser: 0 }),
    refusal: /violates PodSecurity "restricted.*runAsUser=0/,
  },
  {
    what: 'a container that may gain privileges',
    change: at('spec.containers.0.securityContext', { allowPrivilegeEscalation: true }),
    refusal: /allowPrivilegeEscalation != false/,
  },
  {
    what: 'a container that keeps its capabilities',
    change: at('spec.containers.0.securityContext', { capabilities: {} }),
    refusal: /unrestricted capabilities/,
  },
  {
    what: 'a pod without a seccomp profile',
    change: at('spec.securityContext', { seccompProfile: undefined }),
    refusal: /seccompProfile/,
  },
  {
    what: "a pod with the host's network",
    change: at('spec', { hostNetwork: true }),
    refusal: /host namespaces/,
  },
  {
    what: 'a pod with a folder of the host',
    change: at('spec', { volumes: [{ name: 'host', hostPath: { path: '/' } }] }),
    refusal: /hostPath volumes|restricted volume types/,
  },
];

/**
 * Shows that what was accepted could have been refused: makes deliberate mistakes in the rendered objects.
 *
 * @param overlay the folder of an overlay with a gateway and an autoscaler, which is applied
 * @throws when one is accepted, or refused for another reason
 */
export async function expectMistakesRefused(kubectl: Kubectl, overlay: string): Promise<void> {
  const { items } = await kubectl.get<{ items: Resource[] }>(['-k', overlay]);
  const find = (object: string): Resource => {
    const found = items.find(({ kind, metadata }) => `${kind}/${metadata.name}` === object);
    if (found === undefined) throw new Error(`${overlay} has no ${object} to make a mistake in`);
    return found;
  };
  for (const mistake of MISTAKES) await expectRefusal(kubectl, find(mistake.object), mistake);
  const pod = podOf(find('Deployment/edge'));
  await send(kubectl, pod);
  for (const insecurity of INSECURITIES) await expectRefusal(kubectl, pod, insecurity);
}

async function expectRefusal(kubectl: Kubectl, good: Resource, mistake: Omit<Mistake, 'object'>): Promise<void> {
  const object = structuredClone(good);
  mistake.change(object);
  const failure = await send(kubectl, object).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof CommandError)) throw new Error(`${mistake.what} was not refused`, { cause: failure });
  expectThat(mistake.refusal.test(failure.stderr), `${mistake.what} is refused for that`, failure.stderr);
  say(`refused: ${mistake.what}`);
}

/** As a new object of another name, so that what can't be changed later on is no matter. */
async function send(kubectl: Kubectl, object: Resource): Promise<void> {
  const { apiVersion, kind, metadata, spec } = object;
  const { labels } = metadata as { labels?: object };
  const input = JSON.stringify({ apiVersion, kind, metadata: { name: 'trial', namespace: NAMESPACE, labels }, spec });
  await kubectl.run(['create', '--dry-run=server', '--validate=strict', '-f', '-'], { input });
}

function podOf({ spec }: Resource): Resource {
  const { template } = spec as { template: { metadata: object; spec: Record<string, unknown> } };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...template.metadata, name: 'trial' }, spec: template.spec };
}

/** Sets fields of what is found by the path, of names and indices. */
function at(path: string, fields: Record<string, unknown>): Change {
  return (object) => {
    let place: unknown = object;
    for (const part of path.split('.')) place = (place as Record<string, unknown>)[part];
    Object.assign(place as object, fields);
  };
}
